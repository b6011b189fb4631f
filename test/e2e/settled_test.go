package e2e

import (
	"time"

	"posthouse/internal/control"
	"posthouse/ledger"
)

// settledSince is true of a status when every mailbox has caught up since then and no delivery is open.
func settledSince(since time.Time) func(control.Status) bool {
	return func(s control.Status) bool {
		q := s.Queue
		if q.Due+q.Sending+q.InDoubt+q.Accepted > 0 || len(s.Mailboxes) == 0 {
			return false
		}
		for _, w := range q.Waiting { // the counts are of what is required; the old server's copies wait as well
			if w.State != string(ledger.Held) {
				return false
			}
		}
		for _, m := range s.Mailboxes {
			if !m.Caught.After(since) || m.Error != "" {
				return false
			}
		}
		return true
	}
}
