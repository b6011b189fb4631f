package bridge

import (
	"context"
	"fmt"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Report is what a fresh reading of both sides of a mailbox found.
type Report struct {
	Mailbox cutover.MailboxID
	At      time.Time
	Equal   int // legacy items that lie in the cloud, by identity
	Skipped int // by rule, or refused and saved: listed in the ledger with their reason
	Moved   int // in the cloud, in another folder than where they were put
	Missing []Finding
	Extra   []Finding
	// Removed were in the cloud, as the server told when they were put, and are not there now: a user deleted them, or a retention rule did. They are never put again.
	Removed []Finding
}

// Finding names one item that is missing from the cloud, or that lies there more often than it should.
type Finding struct {
	Folder    string
	Ref       cutover.Ref
	MessageID string
	Why       string
}

// Verify reads the headers of every item on both sides, anew and on connections of its own, and matches them with the ledger. Equal counts alone prove nothing: each legacy item
// must be found, and each copy may stand for one item only.
func (b *Bridge) Verify(ctx context.Context, m cutover.MailboxID) (Report, error) {
	w, err := b.worker(m)
	if err != nil {
		return Report{}, err
	}
	r := Report{Mailbox: m, At: b.cfg.Clock.Now()}
	legacy, err := b.cfg.Open(w.m, cutover.Legacy)
	if err != nil {
		return r, fmt.Errorf("opening the legacy mailbox of %s: %w", m, err)
	}
	defer legacy.Close()
	cloud, err := b.cfg.Open(w.m, cutover.Cloud)
	if err != nil {
		return r, fmt.Errorf("opening the cloud mailbox of %s: %w", m, err)
	}
	defer cloud.Close()
	v := verifier{b: b, m: w.m, report: &r}
	if err := v.run(ctx, legacy, cloud); err != nil {
		return r, fmt.Errorf("verifying %s: %w", m, err)
	}
	return r, b.cfg.Ledger.Verified(ctx, ledger.Verification{Mailbox: m, At: r.At, Equal: r.Equal, Missing: len(r.Missing), Extra: len(r.Extra)})
}
