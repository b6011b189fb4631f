package ledger

import (
	"context"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// Offset is how far a source (a log file, a journal) has been read. Only its reader understands Position.
type Offset struct {
	Source   string
	Position string
}

// Testimony is what the evidence is made of.
type Testimony interface {
	// Testify makes observations, coverage, offset and local deliveries durable in one change. Adjacent or overlapping coverage of one source is merged.
	Testify(ctx context.Context, observations []evidence.Observation, coverage []evidence.Coverage, offset *Offset, delivered ...evidence.LocalDelivery) error
	// Withdraw takes back the coverage of a source from an instant on: it turned out that nothing was to be seen there.
	Withdraw(ctx context.Context, source string, from time.Time) error
	Offset(ctx context.Context, source string) (Offset, error)
	// Observations streams those at or after since, in order of time, until yield returns false.
	Observations(ctx context.Context, since time.Time, yield func(evidence.Observation) bool) error
	// Coverage returns the merged spans of every source that touch the time since, oldest first.
	Coverage(ctx context.Context, since time.Time) ([]evidence.Coverage, error)
}

// Verification is the last result of comparing a mailbox on both sides.
type Verification struct {
	Mailbox cutover.MailboxID
	At      time.Time
	Equal   int  // items that lie on both sides
	Missing int  // in the legacy, not in the cloud, and not otherwise disposed of
	Extra   int  // in the cloud twice
	Objects bool // its calendars and contacts were compared, rather than its mail
}

// Facts are small durable values: what was found out about servers, when the MX was switched, verifications.
type Facts interface {
	// Fact returns the value of a name, ErrNotFound if there is none.
	Fact(ctx context.Context, name string) (string, error)
	SetFact(ctx context.Context, name, value string) error
	Verified(ctx context.Context, v Verification) error
	Verifications(ctx context.Context) ([]Verification, error)
}

// Claim is the right of one worker to work on one mailbox. Token rises with every claim of that mailbox: what carries an older one is refused.
type Claim struct {
	Mailbox cutover.MailboxID
	Owner   string
	Token   int64
	Until   time.Time
}

// Claims divides mailboxes among workers, later among hosts.
type Claims interface {
	// Claim takes or renews the mailbox for owner until now+lease; a renewal before the lease ends keeps its token. While another owner holds it ok is
	// false and c is that owner's.
	Claim(ctx context.Context, m cutover.MailboxID, owner string, now time.Time, lease time.Duration) (c Claim, ok bool, err error)
	// Release ends a claim. ErrClaimLost when it is not the mailbox's newest: then nothing changes.
	Release(ctx context.Context, c Claim) error
}

// Ledger is the whole: what the composition root opens and closes.
type Ledger interface {
	Captures
	Items
	Cursors
	Testimony
	LocalDeliveries
	Facts
	Claims
	// Close finishes what was submitted and closes the store. Later calls return ErrClosed.
	Close() error
}
