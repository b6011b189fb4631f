package bridge

import (
	"context"
	"fmt"
	"math"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Report is what a fresh reading of both sides of a mailbox found.
type Report struct {
	Mailbox cutover.MailboxID
	At      time.Time
	Equal   int // legacy items that lie in the cloud, by identity
	// Kinds are the same by what they are.
	Kinds   map[cutover.FolderKind]int
	Skipped int // by rule, or refused and saved: listed in the ledger with their reason
	Moved   int // in the cloud, in another folder than where they were put
	Merged  int // among those equal: they share their copy with an equal message, as the cloud keeps one of them
	Missing []Finding
	Extra   []Finding
	// Altered have another body in the cloud than on the old side. Bodies is how many were compared: none where the cloud renders messages anew; of events and contacts what they say is compared there.
	Altered []Finding
	// LeftOut are keywords that the cloud does not take. A copy without them is equal.
	LeftOut []LeftOut
	Bodies  int
	// Removed were in the cloud, as the server told when they were put, and are not there now: a user deleted them, or a retention rule did. They are never put again.
	Removed []Finding
	// Edited are copies of events and contacts that were changed in the cloud, and so are not compared.
	Edited int
	// Noted are events and contacts of which somebody should know: those that were changed on both sides, and meetings whose changes notify nobody.
	Noted []Finding
	// Lost are those of which the cloud's server lost a part, or changed it, when it wrote them anew.
	Lost []Loss
}

// Loss is an event or contact whose copy lacks properties, or has them with other values: their names, in order. Title is what a person calls it (SUMMARY, FN), as on the legacy side; it may be empty.
type Loss struct {
	Finding
	Title      string
	Properties []string
}

// Finding names one item that is missing from the cloud, or that lies there more often than it should.
type Finding struct {
	Folder    string
	Ref       cutover.Ref
	MessageID string
	Why       string
}

// sampledBodies is how many bodies of a mailbox Verify compares.
const sampledBodies = 20

// Verify reads the headers of every item on both sides, anew and on connections of its own, and matches them with the ledger. Equal counts alone prove nothing: each legacy item
// must be found, and each copy may stand for one item only. Of a few items, others each time, the bodies are compared too, where the cloud's server keeps what it is given.
func (b *Bridge) Verify(ctx context.Context, m cutover.MailboxID) (Report, error) {
	return b.verify(ctx, m, sampledBodies)
}

// VerifyFully is Verify with every body.
func (b *Bridge) VerifyFully(ctx context.Context, m cutover.MailboxID) (Report, error) {
	return b.verify(ctx, m, math.MaxInt)
}

func (b *Bridge) verify(ctx context.Context, m cutover.MailboxID, bodies int) (Report, error) {
	w, err := b.worker(m)
	if err != nil {
		return Report{}, err
	}
	r := Report{Mailbox: m, At: b.cfg.Clock.Now(), Kinds: map[cutover.FolderKind]int{}}
	err = b.withBoth(w.m, func(legacy, cloud Store) error {
		v := verifier{b: b, w: w, m: w.m, bodies: bodies, report: &r}
		if err := v.run(ctx, legacy, cloud); err != nil {
			return fmt.Errorf("verifying %s: %w", m, err)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	return r, b.cfg.Ledger.Verified(ctx, ledger.Verification{Mailbox: m, At: r.At, Equal: r.Equal, Missing: len(r.Missing) + len(r.Altered), Extra: len(r.Extra)})
}

// withBoth calls do with both sides of a mailbox, opened for it alone.
func (b *Bridge) withBoth(m cutover.Mailbox, do func(legacy, cloud Store) error) error {
	legacy, err := b.cfg.Open(m, cutover.Legacy)
	if err != nil {
		return fmt.Errorf("opening the legacy mailbox of %s: %w", m.ID, err)
	}
	defer legacy.Close()
	cloud, err := b.cfg.Open(m, cutover.Cloud)
	if err != nil {
		return fmt.Errorf("opening the cloud mailbox of %s: %w", m.ID, err)
	}
	defer cloud.Close()
	return do(legacy, cloud)
}
