package ledger

import (
	"context"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// LocalState is what is known of a message that a log says was delivered on the old side.
type LocalState string

const (
	LocalOpen     LocalState = "open"     // nobody looked for it yet, or its mailbox was not looked at since
	LocalSeen     LocalState = "seen"     // it was seen in its mailbox, or is a capture of ours
	LocalMissing  LocalState = "missing"  // it was delivered, and lies on neither side
	LocalAccepted LocalState = "accepted" // it is missing, and a person said that this is well
	LocalForeign  LocalState = "foreign"  // its mailbox is none of ours
)

// LocalDelivery is a message that a log says was delivered on the old side, and what became of it.
type LocalDelivery struct {
	ID int64
	evidence.LocalDelivery
	State LocalState
	Since time.Time // when the state was entered
	Note  string    // where it was seen, who took it away, or who accepted it: for people
}

// LocalFilter selects local deliveries; zero fields select all.
type LocalFilter struct {
	States  []LocalState
	Before  time.Time // delivered earlier
	Message string    // Message-ID, with or without brackets
	IDs     []int64
	Newest  bool // first
	Limit   int
}

// LocalDeliveries holds what logs say was delivered on the old side against what came into the mailboxes. They become durable by Testify; of the same source, mailbox and message there is
// one.
type LocalDeliveries interface {
	// LocalDeliveries lists by filter, the oldest first unless it says otherwise.
	LocalDeliveries(ctx context.Context, f LocalFilter) ([]LocalDelivery, error)
	// Reconcile writes State and Note of those that are still as given: a person's word is not overwritten by a look that began before it.
	Reconcile(ctx context.Context, now time.Time, state LocalState, note string, of ...LocalDelivery) error
	// CountLocal counts those in some states, or in all if none is named.
	CountLocal(ctx context.Context, states ...LocalState) (map[LocalState]int, error)
	// Arrived returns which of the messages were received in the mailbox: seen arriving there by the source since, or captured for it since.
	Arrived(ctx context.Context, source string, m cutover.MailboxID, since time.Time, messages []string) (map[string]bool, error)
	// PruneLocal removes those seen, accepted or foreign before a time.
	PruneLocal(ctx context.Context, before time.Time) (int, error)
	// Said returns the observations of one Message-ID, with or without brackets, by all sources, the oldest first, at most 100.
	Said(ctx context.Context, message string) ([]evidence.Observation, error)
}
