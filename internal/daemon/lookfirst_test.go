package daemon_test

import (
	"testing"

	"posthouse/internal/testserver"
)

// A message that reached the old server and us: whichever is seen first, the cloud gets it once.
func TestTheOldServerHasItToo(t *testing.T) {
	for name, from := range map[string]string{"it keeps and forwards": "127.0.0.9", "the sender tried both": "127.0.0.3"} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, layout{})
			b.start()
			b.until("the first look", copied)
			msg := message("kept and forwarded", "x@sender.example", "anna@example.com")
			if _, err := b.legacy.Deliver("anna@example.com", msg); err != nil {
				t.Fatal(err)
			}
			b.eventually("its copy in the cloud", func() bool { return len(b.holding(b.cloud, "anna@example.com", msg)) == 1 })
			result, err := testserver.Sender{LocalAddr: from}.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, msg)
			if err != nil || !result.Final.OK() {
				t.Fatalf("forwarding: %v, %v", result, err)
			}
			b.until("the capture to be settled", settled(1))
			b.once(b.cloud, "anna@example.com", msg)
		})
	}
}
