package e2e

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What the listener takes is put into the cloud mailboxes by IMAP, beside the copies of the same mailboxes; kills at any moment double and lose nothing there either.
func TestKilledWhilePuttingIntoMailboxes(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	w := newWorld(t, layout{to: "home:mailbox"})
	for i, p := range people[:3] {
		w.fill(seed+uint64(i), p, 200)
	}
	mail := newTraffic(w, seed)
	w.killAgainAndAgain(10, 600, mail, rand.New(rand.NewPCG(seed, 2)))
	began := time.Now()
	w.daemon.start()
	mail.arrived()
	w.quiet(t, began)
	w.verified(t)
	w.daemon.stop()
	for _, p := range people[:3] {
		w.wantEqual(p)
	}
}
