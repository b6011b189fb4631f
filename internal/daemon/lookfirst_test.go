package daemon_test

import (
	"slices"
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

// The same, on an old server that renders anew what it keeps, and forwards what it was given.
func TestTheOldServerHasItRenderedAnew(t *testing.T) {
	b := newBed(t, layout{legacy: testserver.IMAPConfig{Delivered: testserver.Rendering{Body: true, Subject: "[EXTERN] "}}})
	b.start()
	b.until("the first look", copied)
	inCloud := func() int { n, _ := b.cloud.Count("anna@example.com", "INBOX"); return n }
	msg := message("kept and forwarded", "x@sender.example", "anna@example.com")
	other := slices.Concat(msg, []byte("Another one with its Message-ID.\r\n"))
	_, err := b.legacy.Deliver("anna@example.com", msg)
	must(t, err)
	b.eventually("its copy in the cloud", func() bool { return inCloud() == 1 })
	for i, forwarded := range [][]byte{msg, other} {
		result, err := testserver.Sender{LocalAddr: "127.0.0.9"}.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, forwarded)
		if err != nil || !result.Final.OK() {
			t.Fatalf("forwarding: %v, %v", result, err)
		}
		b.until("the capture to be settled", settled(i+1))
		if n := inCloud(); n != i+1 {
			t.Errorf("%d messages in the cloud, want %d", n, i+1)
		}
	}
}
