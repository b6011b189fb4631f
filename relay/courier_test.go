package relay_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/ledger"
)

func TestAcceptedThenSettledWhenSeen(t *testing.T) {
	o := newOffice()
	o.delay = 10 * time.Second
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		begun := time.Now()
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		d := b.of(id)[0]
		if d.State != ledger.Accepted || d.Attempts != 1 || d.Reply != yes.Reply || !d.Since.Equal(begun.UTC()) {
			t.Fatalf("after the 250: %+v", d)
		}
		time.Sleep(30 * time.Second)
		if d = b.of(id)[0]; d.State != ledger.Settled || d.Seen != "INBOX UID 1" {
			t.Errorf("after it was seen: %+v", d)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestWhatGoesOut: prefix, then the octets as received, once.
func TestWhatGoesOut(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		const body = "Subject: x\r\n\r\nbare\rand\n8-bit \xe4\r\n"
		c := b.captured(to("anna@example.com").with(body))
		synctest.Wait()
		if got := o.octets[c.ID]; got != string(c.Prefix)+body || !strings.HasPrefix(got, "Received: from ") {
			t.Errorf("sent %q", got)
		}
	})
}
