package daemon_test

import (
	"testing"

	"posthouse/internal/testserver"
)

// A server that delivers into its own mailbox and forwards to us as well: whichever is seen first, the cloud gets it once, and what others send again arrives again.
func TestTheOldServerKeepsAndForwards(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	b.until("the first look", copied)
	msg := message("kept and forwarded", "x@sender.example", "anna@example.com")
	forward := func(from string) {
		t.Helper()
		result, err := testserver.Sender{LocalAddr: from}.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, msg)
		if err != nil || !result.Final.OK() {
			t.Fatalf("forwarding: %v, %v", result, err)
		}
	}
	if _, err := b.legacy.Deliver("anna@example.com", msg); err != nil {
		t.Fatal(err)
	}
	b.eventually("its copy in the cloud", func() bool { return len(b.holding(b.cloud, "anna@example.com", msg)) == 1 })
	forward("127.0.0.9")
	b.until("the forwarded one to be settled", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}
