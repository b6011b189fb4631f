package relay_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/relay"
)

// answer is what a recipient is told: "ok", the refusal's code, or "error".
func answer(err error) string {
	var refused *relay.Refusal
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refused):
		return fmt.Sprintf("%d %d.%d.%d", refused.Code, refused.Enhanced[0], refused.Enhanced[1], refused.Enhanced[2])
	}
	return "error"
}

func TestRecipient(t *testing.T) {
	tests := []struct{ name, recipient, incomplete, complete string }{
		{"mailbox", "anna@example.com", "ok", "ok"},
		{"group", "all@example.com", "ok", "ok"},
		{"postmaster", "postmaster@example.com", "ok", "ok"},
		{"postmaster without a domain", "Postmaster", "ok", "ok"},
		{"abuse", "abuse@example.com", "ok", "ok"},
		{"unknown", "nobody@example.com", "451 4.1.1", "550 5.1.1"},
		{"not ours", "anna@outside.example", "550 5.7.1", "550 5.7.1"},
		{"postmaster elsewhere", "postmaster@outside.example", "550 5.7.1", "550 5.7.1"},
		{"without a domain", "anna", "ok", "ok"},
		{"unknown without a domain", "nobody", "451 4.1.1", "550 5.1.1"},
		{"quoted without a domain", `"x@outside.example"`, "451 4.1.1", "550 5.1.1"},
		{"percent without a domain", "x%outside.example", "451 4.1.1", "550 5.1.1"},
		{"no address", "no body", "553 5.1.3", "553 5.1.3"},
		{"injection without a domain", "anna> NOTIFY=NEVER", "553 5.1.3", "553 5.1.3"},
		{"open quote without a domain", `x"`, "553 5.1.3", "553 5.1.3"},
		{"open quote after a domain", `x@outside.example"`, "553 5.1.3", "553 5.1.3"},
		{"empty", "", "553 5.1.3", "553 5.1.3"},
		{"command injection", "anna@example.com>\r\nRCPT TO:<x@outside.example", "553 5.1.3", "553 5.1.3"},
		{"quoted route", `"anna@example.com"@outside.example`, "550 5.7.1", "550 5.7.1"},
	}
	for _, complete := range []bool{false, true} {
		cfg := house()
		cfg.Complete = complete
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, relay.CourierConfig{})
		for _, tt := range tests {
			want := tt.incomplete
			if complete {
				want = tt.complete
			}
			t.Run(fmt.Sprintf("%s, complete %v", tt.name, complete), func(t *testing.T) {
				if got := answer(b.intake.Recipient(t.Context(), relay.Peer{}, tt.recipient)); got != want {
					t.Errorf("%q: %s, want %s", tt.recipient, got, want)
				}
			})
		}
	}
}

// TestUnknownRecipientsAreListed: those of our domains, folded, counted, and only while the list is not complete.
func TestUnknownRecipientsAreListed(t *testing.T) {
	b := planBed(t, relay.Plan{})
	for _, r := range []string{"ghost@example.com", "GHOST@example.com", "other@example.com", "anna@example.com", "x@outside.example"} {
		b.intake.Recipient(t.Context(), relay.Peer{}, r)
	}
	cfg := house()
	cfg.Complete = true
	b.intake.SetDirectory(relay.NewDirectory(cfg))
	b.intake.Recipient(t.Context(), relay.Peer{}, "late@example.com")
	unknown, err := b.ledger.UnknownRecipients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[cutover.Address]int{}
	for _, u := range unknown {
		counts[u.Address] = u.Count
	}
	equal(t, "unknown", counts, map[cutover.Address]int{"ghost@example.com": 2, "other@example.com": 1})
}

// TestUnknownThatCannotBeNoted is no refusal: it is unforeseen, and the listener makes it temporary.
func TestUnknownThatCannotBeNoted(t *testing.T) {
	b := planBed(t, relay.Plan{})
	b.ledger.Close()
	equal(t, "unknown", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "ghost@example.com")), "error")
	equal(t, "known", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "anna@example.com")), "ok")
}

func TestReload(t *testing.T) {
	b := planBed(t, relay.Plan{})
	cfg := house()
	cfg.Mailboxes = append(cfg.Mailboxes, mailbox("new"))
	b.intake.SetDirectory(relay.NewDirectory(cfg))
	equal(t, "answer", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "new@example.com")), "ok")
	equal(t, "plan", b.plan(to("new@example.com")), []string{"new@example.com new:smtp due"})
}

// TestPostmasterWithoutDomain reaches the postmaster of our first domain.
func TestPostmasterWithoutDomain(t *testing.T) {
	cfg := house()
	cfg.Postmaster = "anna@example.com"
	b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, relay.CourierConfig{})
	equal(t, "plan", b.plan(to("POSTMASTER")), []string{"anna@example.com new:smtp due"})
}

// TestWithoutDomain: a bare local part is in our first domain, as sender and as recipient.
func TestWithoutDomain(t *testing.T) {
	b := planBed(t, relay.Plan{})
	for from, want := range map[string]string{
		"root": "root@example.com", "": "", `"a@b"`: `"a@b"@example.com`, "x@outside.example": "x@outside.example", `"a@b"@outside.example`: `"a@b"@outside.example`,
	} {
		m := b.complete(to("anna"))
		m.env.From = from
		a, err := b.intake.Begin(t.Context(), m.peer, m.env)
		if err != nil {
			t.Fatal(err)
		}
		id, err := a.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := b.ledger.Capture(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "sender", c.Envelope.From, want)
		equal(t, "recipient", c.Envelope.Recipients[0].Address, cutover.Address("anna@example.com"))
	}
}

// TestCapturedIsTold: who wrote to whom and by which Message-ID the sender knows it stand in the log, of many recipients a few.
func TestCapturedIsTold(t *testing.T) {
	b := planBed(t, relay.Plan{})
	b.mustTake(to("anna@example.com", "all@example.com").with("Message-ID: <1@outside.example>\r\n\r\nhello\r\n"))
	told := b.log.LastEntry()
	equal(t, "line", told.Message, "captured")
	equal(t, "from", told.Data["from"], any("sender@outside.example"))
	equal(t, "to", told.Data["to"], any("anna@example.com, all@example.com"))
	equal(t, "message_id", told.Data["message_id"], any("<1@outside.example>"))
	many := to()
	for i := range 1000 {
		many.env.Recipients = append(many.env.Recipients, ledger.Recipient{Address: cutover.Address(fmt.Sprintf("anna+%d%s@example.com", i, strings.Repeat("x", 1000)))})
	}
	b.mustTake(many.with("Message-ID: <" + strings.Repeat("y", 9000) + ">\r\n\r\nhello\r\n"))
	told = b.log.LastEntry()
	if list := told.Data["to"].(string); len(list) > 4000 || !strings.HasSuffix(list, ", 990 more") || len(told.Data["message_id"].(string)) > 400 {
		t.Errorf("%.100s... of %d octets, %.100s", list, len(list), told.Data["message_id"])
	}
}

// TestBeginLeavesTheEnvelopeAlone: the session may use its own again.
func TestBeginLeavesTheEnvelopeAlone(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := to("postmaster")
	b.mustTake(m)
	equal(t, "recipient", m.env.Recipients[0].Address, cutover.Address("postmaster"))
}

func TestBeginRefusesNonsense(t *testing.T) {
	b := planBed(t, relay.Plan{})
	if _, err := b.take(to("no address")); err == nil {
		t.Error("taken")
	}
}

// watched is a bed that notes what Captured is told.
func watched(t *testing.T, cfg relay.IntakeConfig) (*bed, *[]evidence.Observation) {
	t.Helper()
	var told []evidence.Observation
	cfg.Directory = relay.NewDirectory(house())
	cfg.Captured = func(o evidence.Observation) { told = append(told, o) }
	return newBed(t, cfg, relay.CourierConfig{}), &told
}

func TestObservation(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {}, cutover.Devices: {}, cutover.Submission: {}}})
	for _, route := range []cutover.Route{cutover.Arriving, cutover.Devices, cutover.Submission} {
		m := to("anna@example.com").from("2001:db8::1")
		m.peer.Route, m.peer.Client.Name = route, "printer"
		c := b.captured(m)
		channel := evidence.Sending
		if route == cutover.Arriving {
			channel = evidence.Arriving
		}
		want := evidence.Observation{
			At: c.At, Channel: channel, Class: evidence.Wanted, Source: "mx", Sender: "printer", Client: netip.MustParseAddr("2001:db8::1"),
			From: "sender@outside.example", Mailbox: "anna@example.com", Message: string(c.ID),
		}
		equal(t, "told", (*told)[len(*told)-1], want)
	}
	equal(t, "stored", b.observations(), *told)
}

func (b *bed) observations() []evidence.Observation {
	b.t.Helper()
	var all []evidence.Observation
	err := b.ledger.Observations(b.t.Context(), time.Time{}, func(o evidence.Observation) bool {
		all = append(all, o)
		return true
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func TestObservationOfANamelessClient(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{})
	b.mustTake(to("anna@example.com"))
	equal(t, "sender", (*told)[0].Sender, "192.0.2.1")
}

// TestWhatComesBackIsNoNewUse: our own mail, seen again, must not keep the old server alive.
func TestWhatComesBackIsNoNewUse(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{})
	first := b.mustTake(to("anna@example.com"))
	b.mustTake(b.again(first, to("anna@example.com")))
	equal(t, "class", (*told)[1].Class, evidence.Unwanted)
	b.mustTake(b.traced(first, to("anna@example.com"), ticket))
	equal(t, "class of a new message that kept our field", (*told)[2].Class, evidence.Wanted)
}
