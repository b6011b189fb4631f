package relay_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// resend sends all of a capture's deliveries again, to where they went.
func (b *bed) resend(id cutover.CaptureID) []string {
	b.t.Helper()
	return b.do(relay.Deed{
		Do: relay.Resend,
		To: func(d ledger.Delivery) (relay.Target, error) {
			return relay.Target{Recipient: d.Recipient, Mailbox: d.Mailbox, Side: d.Side, Destination: d.Destination}, nil
		},
		Copy: func(ctx context.Context, d ledger.Delivery, to relay.Target) (ledger.Delivery, error) {
			return b.intake.SendAgain(ctx, "mail.example.com", d, to)
		},
	}, id)
}

// others are the captures that there are beside one.
func (b *bed) others(id cutover.CaptureID) (all []cutover.CaptureID) {
	b.t.Helper()
	for _, d := range b.deliveries(ledger.DeliveryFilter{}) {
		if d.Capture != id {
			all = append(all, d.Capture)
		}
	}
	return all
}

func TestResend(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(later, yes)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("a.smith@example.com"))
		time.Sleep(time.Second)
		equal(t, "before it went", b.resend(id), []string{"anna: is on its way still: it is due"})
		time.Sleep(time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "sent again", b.resend(id), []string{"anna due"})
		time.Sleep(time.Minute)
		second := b.others(id)
		if len(second) != 1 {
			t.Fatalf("%v", second)
		}
		note := fmt.Sprintf("sent again by root: %s as %s", id, second[0])
		equal(t, "the first's history", b.steps(id), []string{"due 451 4.3.0 later", "accepted 250 2.0.0 ok", "settled INBOX UID 1", "settled " + note})
		equal(t, "the second's", b.steps(second[0])[:2], []string{"held", "due " + note})
		equal(t, "states", b.states(second[0]), []string{"anna settled"})
		equal(t, "accepted", cloud.accepted(), map[string]int{string(id) + " anna@example.com new:smtp": 1, string(second[0]) + " anna@example.com new:smtp": 1})
		c, err := b.ledger.Capture(t.Context(), second[0])
		if err != nil || !c.Repeat.IsZero() || c.Envelope.From != "sender@outside.example" || len(c.Envelope.Recipients) != 1 || c.Envelope.Recipients[0] != (ledger.Recipient{Address: "a.smith@example.com", Notify: "NEVER"}) ||
			!strings.Contains(string(c.Prefix), "id "+string(c.ID)) {
			t.Errorf("%+v, %v", c, err)
		}
		// The sender's own repetition is still known for one.
		if again, err := b.take(to("a.smith@example.com").with("Message-ID: <1@outside.example>\r\nDate: Mon, 02 Mar 2026 12:00:00 +0000\r\nFrom: sender@outside.example\r\n\r\nhello 1\r\n")); err != nil || again != id {
			t.Errorf("repeated: %s, %v", again, err)
		}
	})
}

func TestResendOfWhatWaits(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(never)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Second)
		equal(t, "held", b.resend(id), []string{"anna: was not sent yet: it is held"})
		b.do(relay.Deed{Do: relay.Drop, Keep: keeps}, id)
		equal(t, "dropped", b.resend(id), []string{"anna due"})
		if second := b.others(id); len(second) != 1 || len(b.of(second[0])) != 1 {
			t.Errorf("%v", second)
		}
	})
}

func TestResendOfWhatIsGone(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(yes)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		if n, err := b.ledger.Prune(t.Context(), time.Now()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		equal(t, "pruned", b.resend(id), []string{"anna: is kept no more, its retention is over: take it from where it was seen, or ask its sender for it"})
		if others := b.others(id); len(others) != 0 {
			t.Errorf("%v", others)
		}
	})
}

// forgetful is a ledger that fails when a person's deed is to be written.
type forgetful struct{ ledger.Captures }

func (forgetful) Act(context.Context, string, ...ledger.Delivery) error { return ledger.ErrClosed }

// A process that dies between storing the second copy and noting it has sent nothing: the copy is held, and says why.
func TestCrashWhileSendingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newOffice()
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
		cfg := settings(toCloud(cloud.then(yes)), cloud)
		cfg.Ledger = forgetful{b.ledger}
		b.restart(cfg)
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		b.resend(id)
		b.courier.Stop(context.Background())
		b.restart(settings(toCloud(cloud.then(yes)), cloud))
		time.Sleep(10 * time.Minute)
		second := b.others(id)
		if len(second) != 1 || len(cloud.accepted()) != 1 {
			t.Fatalf("%v, accepted %v", second, cloud.accepted())
		}
		if d := b.of(second[0])[0]; d.State != ledger.Held || !strings.Contains(d.Reason, "in place of "+string(id)) {
			t.Errorf("%+v", d)
		}
		equal(t, "released", b.do(relay.Deed{Do: relay.Release}, second[0]), []string{"anna due"})
		time.Sleep(time.Minute)
		equal(t, "states", b.states(second[0]), []string{"anna settled"})
	})
}
