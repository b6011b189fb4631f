package e2e

import (
	"testing"
	"time"

	"posthouse/test/neighbour"
)

// The old server forwards all mail for the domain to the listener, as an administrator sets it up on the day of the switch, while one mailbox is still at home there. Nothing
// goes round: whatever way a message takes, the cloud gets it once.
func TestTheOldServerForwardsBackToUs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, layout{to: "home:smtp", forward: true})
	began := time.Now()
	w.daemon.start()
	mail := newTraffic(w, 17)
	for range 3 {
		mail.must(w.sender.SMTP, []string{"anna@example.com"}, "anna")                                    // for the cloud, with a tee that comes back
		mail.must(w.sender.SMTP, []string{"carl@example.com"}, "carl")                                    // for the old server, which gives it back
		mail.must(w.old.SMTP, []string{"bob@example.com"}, "bob")                                         // from the old server
		mail.must(w.old.SMTP, []string{"carl@example.com"}, "carl")                                       // from the old server, for one who is at home there
		mail.must(w.sender.SMTP, []string{"team@example.com", "carl@example.com"}, "anna", "bob", "carl") // all at once
	}
	mail.arrived()
	w.quiet(t, began)
	w.restful(t)
	w.verified(t)
	for _, p := range people {
		m := w.open(w.legacy, p)
		if n := m.Count("INBOX"); n != 0 {
			t.Errorf("%d messages for %s stayed on the old server", n, p.name)
		}
	}
	mail.arrived()
	w.daemon.stop()
}

// restful waits until the old server has nothing left to forward, and the daemon nothing to deliver: a message that goes round never rests.
func (w *world) restful(t *testing.T) {
	t.Helper()
	calm := 0
	last := w.daemon.status().Queue
	neighbour.Wait(t, patience, "the mail to come to rest", func() bool {
		s := w.daemon.status().Queue
		if s.Settled != last.Settled || s.Due+s.Sending+s.InDoubt+s.Accepted > 0 || w.old.Queued() > 0 {
			calm = 0
		}
		calm, last = calm+1, s
		return calm > 20
	})
}
