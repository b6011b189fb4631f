package e2e

import (
	"time"

	"posthouse/internal/control"
)

// settledSince is true of a status when every mailbox has caught up since then and no delivery is open.
func settledSince(since time.Time) func(control.Status) bool {
	return func(s control.Status) bool {
		q := s.Queue
		if q.Due+q.Sending+q.InDoubt+q.Accepted > 0 || len(s.Mailboxes) == 0 {
			return false
		}
		for _, m := range s.Mailboxes {
			if !m.Caught.After(since) || m.Error != "" {
				return false
			}
		}
		return true
	}
}
