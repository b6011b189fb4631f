package relay_test

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

const (
	legacyAddr = "10.0.0.5"
	cloudAddr  = "203.0.113.7"
)

// planBed plans by the plan given, in a house that knows both sides' networks.
func planBed(t *testing.T, plan relay.Plan) *bed {
	t.Helper()
	return newBed(t, relay.IntakeConfig{
		Directory:  relay.NewDirectory(house()),
		Plans:      map[cutover.Route]relay.Plan{cutover.Arriving: plan},
		LegacyNets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		CloudNets:  []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")},
	}, relay.CourierConfig{})
}

func TestPlan(t *testing.T) {
	outward := relay.Plan{Outward: "new:smtp"}
	tee := relay.Plan{Tee: true, Outward: "new:smtp"}
	tests := []struct {
		name string
		plan relay.Plan
		m    message
		want []string
	}{
		{"home cloud", outward, to("anna@example.com"), []string{"anna@example.com new:smtp due"}},
		{"home legacy", outward, to("bob@example.com"), []string{"bob@example.com old:smtp due"}},
		{"by mailbox", relay.Plan{Via: "mailbox"}, to("anna@example.com"), []string{"anna@example.com new:mailbox due"}},
		{"the legacy is never reached by mailbox", relay.Plan{Via: "mailbox"}, to("bob@example.com"), []string{"bob@example.com old:smtp due"}},
		{"all to the cloud", relay.Plan{To: cutover.Cloud}, to("bob@example.com"), []string{"bob@example.com new:smtp due"}},
		{"all to the legacy", relay.Plan{To: cutover.Legacy}, to("anna@example.com"), []string{"anna@example.com old:smtp due"}},
		{"several recipients of one mailbox", outward, to("anna@example.com", "a.smith@example.com", "ANNA@example.com"), []string{"anna@example.com new:smtp due"}},
		{"a group and one of its members", outward, to("all@example.com", "bob@example.com"),
			[]string{"anna@example.com new:smtp due", "bob@example.com old:smtp due", "friend@outside.example new:smtp due"}},
		{"no way outward", relay.Plan{}, to("all@example.com"),
			[]string{"anna@example.com new:smtp due", "bob@example.com old:smtp due", "friend@outside.example held"}},
		{"postmaster of nobody", outward, to("postmaster@example.com"), []string{"postmaster@example.com held"}},
		{"left the directory since", outward, to("gone@example.com", "anna@example.com"), []string{"anna@example.com new:smtp due", "gone@example.com held"}},
		{"held once", outward, to("gone@example.com", "Gone@example.com"), []string{"gone@example.com held"}},

		{"tee", tee, to("anna@example.com"), []string{"anna@example.com new:smtp due", "anna@example.com old:smtp due best-effort"}},
		{"no tee of what goes to the legacy anyway", tee, to("bob@example.com"), []string{"bob@example.com old:smtp due"}},
		{"no tee to a room", tee, to("room@example.com"), []string{"room@example.com new:smtp due"}},
		{"no tee to those who want none", relay.Plan{Tee: true, TeeNever: []cutover.Address{"Anna@example.com"}}, to("a.smith@example.com"), []string{"anna@example.com new:smtp due"}},
		{"no tee to those whose alias wants none", relay.Plan{Tee: true, TeeNever: []cutover.Address{"A.Smith@example.com"}}, to("anna@example.com"), []string{"anna@example.com new:smtp due"}},
		{"no tee of what the legacy sent", tee, to("anna@example.com").from(legacyAddr), []string{"anna@example.com new:smtp due"}},
		{"no tee outside", tee, to("all@example.com"), []string{"anna@example.com new:smtp due", "anna@example.com old:smtp due best-effort",
			"bob@example.com old:smtp due", "friend@outside.example new:smtp due"}},

		{"from the legacy, home legacy", outward, to("bob@example.com").from(legacyAddr), []string{"bob@example.com new:smtp due"}},
		{"from the legacy, all to the legacy", relay.Plan{To: cutover.Legacy}, to("anna@example.com").from(legacyAddr), []string{"anna@example.com new:smtp due"}},
		{"from the legacy, written as IPv6", outward, to("bob@example.com").from("::ffff:" + legacyAddr), []string{"bob@example.com new:smtp due"}},
		{"from the cloud, home cloud", outward, to("anna@example.com").from(cloudAddr), []string{"anna@example.com new:smtp held"}},
		{"from the cloud by IPv6", outward, to("anna@example.com").from("2001:db8::1"), []string{"anna@example.com new:smtp held"}},
		{"from the cloud, home legacy", outward, to("bob@example.com").from(cloudAddr), []string{"bob@example.com old:smtp due"}},
		{"from the cloud, to a group", outward, to("all@example.com").from(cloudAddr),
			[]string{"anna@example.com new:smtp held", "bob@example.com old:smtp due", "friend@outside.example new:smtp held"}},
		{"from an address that is none", outward, to("bob@example.com").from("unix"), []string{"bob@example.com old:smtp due"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			equal(t, "plan", planBed(t, tt.plan).plan(tt.m), tt.want)
		})
	}
}

// TestPlanSaysWhyHeld: whoever reads a held delivery must know what to do.
func TestPlanSaysWhyHeld(t *testing.T) {
	tests := []struct {
		name string
		m    message
		want []string
	}{
		{"nobody", to("postmaster@example.com"), []string{"postmaster@example.com", "recipients.postmaster"}},
		{"outside", to("all@example.com"), []string{"friend@outside.example", "outside"}},
		{"from the cloud", to("anna@example.com").from(cloudAddr), []string{"the cloud sent", "anna@example.com", "add it there"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := planBed(t, relay.Plan{})
			b.mustTake(tt.m)
			held := b.deliveries(ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held}})
			if len(held) != 1 || !held[0].Required {
				t.Fatalf("held: %+v", held)
			}
			for _, word := range tt.want {
				if !strings.Contains(held[0].Reason, word) {
					t.Errorf("the reason %q lacks %q", held[0].Reason, word)
				}
			}
		})
	}
}

// again is what an earlier capture looks like when it comes back: what we prepended, then what it was.
func (b *bed) again(first cutover.CaptureID, m message) message {
	b.t.Helper()
	return b.traced(first, m, b.octets(first))
}

// traced is a message that carries an earlier capture's header fields of ours, whatever else it says.
func (b *bed) traced(first cutover.CaptureID, m message, octets string) message {
	b.t.Helper()
	c, err := b.ledger.Capture(b.t.Context(), first)
	if err != nil {
		b.t.Fatal(err)
	}
	return m.with("Received: from posthouse by elsewhere; Mon, 02 Mar 2026 12:01:00 +0000\r\n" + string(c.Prefix) + octets)
}

// octets is a capture's message as it was received.
func (b *bed) octets(id cutover.CaptureID) string {
	b.t.Helper()
	body, err := b.ledger.OpenBody(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	defer body.Close()
	octets, err := io.ReadAll(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(octets)
}

func TestOwnTraceSeenAgain(t *testing.T) {
	outward := relay.Plan{Outward: "new:smtp", Tee: true}
	tests := []struct {
		name        string
		first, then message
		want        []string
	}{
		{"the cloud has it from us", to("anna@example.com"), to("anna@example.com"), []string{}},
		{"the legacy forwards it", to("anna@example.com"), to("anna@example.com").from(legacyAddr), []string{}},
		{"it was for the legacy: the cloud keeps it safe", to("bob@example.com"), to("bob@example.com"), []string{"bob@example.com new:smtp due"}},
		{"somebody redirects it to a colleague", to("anna@example.com"), to("bob@example.com"), []string{"bob@example.com new:smtp due"}},
		{"to some who have it", to("anna@example.com"), to("all@example.com"), []string{"bob@example.com new:smtp due", "friend@outside.example new:smtp due"}},
		{"a group comes back", to("all@example.com"), to("all@example.com"), []string{"bob@example.com new:smtp due"}},
		{"the cloud took it and gave it back", to("anna@example.com"), to("anna@example.com").from(cloudAddr), []string{"anna@example.com new:smtp held"}},
		{"the cloud gives back what the legacy had", to("bob@example.com"), to("bob@example.com").from(cloudAddr), []string{"bob@example.com new:smtp held"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := planBed(t, outward)
			first := b.mustTake(tt.first)
			equal(t, "plan", b.plan(b.again(first, tt.then)), tt.want)
		})
	}
}

// TestSeenInTheCloudIsEnough: what lies in the cloud mailbox already needs no person when the cloud gives back a copy.
func TestSeenInTheCloudIsEnough(t *testing.T) {
	b := planBed(t, relay.Plan{})
	first := b.mustTake(to("anna@example.com"))
	d := b.of(first)[0]
	d.State, d.Seen = ledger.Settled, "INBOX UID 7"
	if err := b.ledger.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	equal(t, "plan", b.plan(b.again(first, to("anna@example.com").from(cloudAddr))), []string{})
}

const ticket = "Message-ID: <ticket@helpdesk.example>\r\nDate: Tue, 03 Mar 2026 12:00:00 +0000\r\nFrom: helpdesk@example.com\r\n\r\nticket 7\r\n"

// TestOwnTraceOnANewMessage: lists and help desks keep our field on messages of their own. These are delivered, though never to the legacy, which they may have come from.
func TestOwnTraceOnANewMessage(t *testing.T) {
	tests := []struct {
		name        string
		plan        relay.Plan
		first, then message
		want        []string
	}{
		{"to the same person", relay.Plan{}, to("anna@example.com"), to("anna@example.com"), []string{"anna@example.com new:smtp due"}},
		{"through the legacy", relay.Plan{}, to("anna@example.com"), to("anna@example.com").from(legacyAddr), []string{"anna@example.com new:smtp due"}},
		{"at home on the legacy", relay.Plan{}, to("bob@example.com"), to("bob@example.com"), []string{"bob@example.com new:smtp due"}},
		{"all to the legacy", relay.Plan{To: cutover.Legacy}, to("anna@example.com"), to("anna@example.com"), []string{"anna@example.com new:smtp due"}},
		{"no tee", relay.Plan{Tee: true}, to("anna@example.com"), to("anna@example.com"), []string{"anna@example.com new:smtp due"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := planBed(t, tt.plan)
			first := b.mustTake(tt.first)
			c := b.captured(b.traced(first, tt.then, ticket))
			equal(t, "plan", words(b.of(c.ID)), tt.want)
			equal(t, "the trace that the capture keeps", c.Identity.Trace, "")
			equal(t, "and when that comes back", b.plan(b.again(c.ID, tt.then)), []string{})
		})
	}
}

// TestOwnTraceOnAChangedCopy: footers change the body, rewriting hosts the header; what is left of the message tells that it is the same.
func TestOwnTraceOnAChangedCopy(t *testing.T) {
	b := planBed(t, relay.Plan{})
	first := b.mustTake(to("anna@example.com"))
	head, body, _ := strings.Cut(b.octets(first), "\r\n\r\n")
	for _, octets := range []string{head + "\r\n\r\n" + body + "-- \r\nfooter\r\n", "From: rewritten@example.com\r\n\r\n" + body} {
		equal(t, "plan", b.plan(b.traced(first, to("anna@example.com"), octets)), []string{})
	}
}

// TestThirdTimeRound: bob's mail goes to the legacy, comes back, goes to the cloud; when it comes back once more it goes nowhere.
func TestThirdTimeRound(t *testing.T) {
	b := planBed(t, relay.Plan{})
	first := b.mustTake(to("bob@example.com"))
	second := b.mustTake(b.again(first, to("bob@example.com").from(legacyAddr)))
	equal(t, "second", words(b.of(second)), []string{"bob@example.com new:smtp due"})
	equal(t, "third", b.plan(b.again(second, to("bob@example.com").from(legacyAddr))), []string{})
}

// TestForgedTraceIsIgnored: anybody can write a trace field; it must not make us drop mail.
func TestForgedTraceIsIgnored(t *testing.T) {
	b := planBed(t, relay.Plan{})
	first := b.mustTake(to("anna@example.com"))
	for _, trace := range []string{string(first), string(first) + ".", string(first) + ".AAAAAAAAAAAAAAAAAAAAAAAAAA", "."} {
		m := to("anna@example.com").with(fmt.Sprintf("%s: %s\r\nSubject: x\r\n\r\nx\r\n", cutover.TraceField, trace))
		equal(t, "plan with trace "+trace, b.plan(m), []string{"anna@example.com new:smtp due"})
	}
}

// received is a header of n Received lines, newest first, written by the hosts in turn.
func received(n int, hosts ...string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Received: from somewhere\r\n\tby %s (Postfix)\r\n\twith ESMTP; Mon, 02 Mar 2026 12:00:00 +0000\r\n", hosts[i%len(hosts)])
	}
	return b.String() + "Subject: x\r\n\r\nx\r\n"
}

func TestTooManyHops(t *testing.T) {
	tests := []struct {
		name   string
		header string
		want   []string
		names  []string
	}{
		{"fifty are many but allowed", received(50, "mx.legacy", "edge.cloud"), []string{"anna@example.com new:smtp due", "anna@example.com old:smtp due best-effort"}, nil},
		{"fifty-one", received(51, "mx.legacy", "edge.cloud"), []string{"anna@example.com new:smtp held"}, []string{"51", "mx.legacy", "edge.cloud"}},
		{"hosts that write several", received(60, "mx.legacy", "mx.legacy", "mx.legacy", "edge.cloud"), []string{"anna@example.com new:smtp held"}, []string{"60", "mx.legacy", "edge.cloud"}},
		{"one host alone", received(60, "mx.legacy"), []string{"anna@example.com new:smtp held"}, []string{"60", "mx.legacy"}},
		{"hosts that name nobody", strings.Repeat("received: x\r\n", 51) + "\r\n", []string{"anna@example.com new:smtp held"}, []string{"unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := planBed(t, relay.Plan{Tee: true})
			id := b.mustTake(to("anna@example.com").with(tt.header))
			equal(t, "plan", words(b.of(id)), tt.want)
			for _, name := range tt.names {
				if reason := b.of(id)[0].Reason; !strings.Contains(reason, name) {
					t.Errorf("the reason %q does not name %s", reason, name)
				}
			}
		})
	}
}

func TestTooManyHopsHoldsEverything(t *testing.T) {
	b := planBed(t, relay.Plan{Outward: "new:smtp"})
	equal(t, "plan", b.plan(to("all@example.com").with(received(51, "a", "b"))),
		[]string{"anna@example.com new:smtp held", "bob@example.com old:smtp held", "friend@outside.example new:smtp held"})
}

// TestOriginalIsKept: what a delivery came from is needed for DSN and for people.
func TestOriginalIsKept(t *testing.T) {
	b := planBed(t, relay.Plan{Outward: "new:smtp"})
	var originals []string
	for _, d := range b.of(b.mustTake(to("a.smith@example.com", "all@example.com"))) {
		originals = append(originals, fmt.Sprintf("%s for %s in %q on %s", d.Recipient, d.Original, d.Mailbox, d.Side))
	}
	slices.Sort(originals)
	equal(t, "originals", originals, []string{
		`anna@example.com for a.smith@example.com in "anna@example.com" on cloud`,
		`bob@example.com for all@example.com in "bob@example.com" on legacy`,
		`friend@outside.example for all@example.com in "" on cloud`,
	})
}
