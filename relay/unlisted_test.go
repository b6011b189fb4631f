package relay_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/relay"
	"posthouse/relay/callout"
)

// asked are servers of both sides; each knows some addresses. One that takes everything knows "*"; one that is down knows "-".
type asked struct {
	*callout.Sources
	mu   sync.Mutex
	said []cutover.Address // about whom the servers were asked, but for those who cannot be
}

func newAsked(t *testing.T, legacy, cloud string) *asked {
	t.Helper()
	a := &asked{}
	var all []*callout.Source
	for side, known := range map[cutover.Side]string{cutover.Legacy: legacy, cutover.Cloud: cloud} {
		if known == "" {
			continue
		}
		way := map[cutover.Side]string{cutover.Legacy: "old:smtp", cutover.Cloud: "new:smtp"}[side]
		all = append(all, callout.NewSource(callout.Config{
			Name: string(side), Side: side, Way: way, Rate: 6000, Timeout: time.Minute, Clock: clock.Real(),
			Ask: func(_ context.Context, to cutover.Address) callout.Heard { return a.answer(strings.Fields(known), to) },
		}))
	}
	a.Sources = callout.Join(all...)
	t.Cleanup(a.Stop)
	return a
}

func (a *asked) answer(known []string, to cutover.Address) callout.Heard {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(to.Local()) < 20 {
		a.said = append(a.said, to)
	}
	switch {
	case slices.Contains(known, "-"):
		return callout.Heard{Answer: callout.Later, Down: true}
	case slices.Contains(known, "*"), slices.Contains(known, to.Local()):
		return callout.Heard{Answer: callout.Yes}
	}
	return callout.Heard{Answer: callout.No}
}

// askBed is a house whose servers are asked.
func askBed(t *testing.T, complete bool, plan relay.Plan, on *asked) *bed {
	t.Helper()
	b := planBed(t, plan)
	cfg := house()
	cfg.Complete = complete
	cfg.AliasDomains = map[string]string{"old.example": "example.com"}
	b.config.Directory, b.config.Sources = relay.NewDirectory(cfg), on.Sources
	b.attach(b.courier)
	return b
}

// TestUnlistedRecipients: who is in no list is taken when a server knows the address, refused when somebody can say no and nobody may still say yes, and else put off.
func TestUnlistedRecipients(t *testing.T) {
	const (
		none, nobody, all, down, erna = "", "carl", "*", "-", "erna carl"
		ok, refused, wait, unsure     = "ok", "550 5.1.1", "451 4.4.3", "451 4.1.1"
	)
	for _, tt := range []struct{ legacy, cloud, complete, incomplete string }{
		{none, none, refused, unsure},
		{erna, none, ok, ok},
		{none, erna, ok, ok},
		{erna, erna, ok, ok},
		{erna, nobody, ok, ok},
		{erna, down, ok, ok},
		{erna, all, ok, ok},
		{nobody, none, refused, refused},
		{nobody, nobody, refused, refused},
		{nobody, all, refused, refused},
		{nobody, down, wait, wait},
		{all, none, refused, unsure},
		{all, all, refused, unsure},
		{all, down, wait, wait},
		{down, none, wait, wait},
	} {
		for complete, want := range map[bool]string{true: tt.complete, false: tt.incomplete} {
			b := askBed(t, complete, relay.Plan{}, newAsked(t, tt.legacy, tt.cloud))
			if got := answer(b.intake.Recipient(t.Context(), relay.Peer{From: "x@outside.example"}, "Erna@example.com")); got != want {
				t.Errorf("legacy knows %q, cloud %q, complete %v: %s, want %s", tt.legacy, tt.cloud, complete, got, want)
			}
			unknown, err := b.ledger.UnknownRecipients(t.Context())
			if err != nil || (len(unknown) == 1) != (want == unsure) {
				t.Errorf("legacy knows %q, cloud %q, complete %v: noted %v, %v", tt.legacy, tt.cloud, complete, unknown, err)
			}
		}
	}
}

// TestWhoIsAskedAbout: what a list has needs no server; an alias domain is asked for by its real name; and nobody asks for what a server could take for an address
// outside.
func TestWhoIsAskedAbout(t *testing.T) {
	on := newAsked(t, "erna", "*")
	b := askBed(t, true, relay.Plan{}, on)
	for _, tt := range []struct{ to, want string }{
		{"anna@example.com", "ok"}, {"all@example.com", "ok"}, {"postmaster@example.com", "ok"}, {"x@outside.example", "550 5.7.1"}, {"erna@old.example", "ok"}, {"erna", "ok"},
		{"x%outside.example@example.com", "550 5.1.1"}, {`"x@outside.example"@example.com`, "550 5.1.1"}, {"outside.example!x@example.com", "550 5.1.1"},
		{`"erna"@example.com`, "550 5.1.1"}, {"|erna@example.com", "550 5.1.1"}, {"/erna@example.com", "550 5.1.1"},
	} {
		equal(t, tt.to, answer(b.intake.Recipient(t.Context(), relay.Peer{}, tt.to)), tt.want)
	}
	equal(t, "asked about", on.said, []cutover.Address{"erna@example.com"})
	b.intake.SetDirectory(relay.NewDirectory(house()))
	equal(t, "after a reload", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "erna@example.com")), "ok")
	equal(t, "asked about", on.said, []cutover.Address{"erna@example.com", "erna@example.com"})
}

// TestWhereUnlistedMailGoes: to a server that knows the address, the old one first unless the route says otherwise or the mail came from there; never nowhere.
func TestWhereUnlistedMailGoes(t *testing.T) {
	for _, tt := range []struct {
		name, legacy, cloud string
		plan                relay.Plan
		from                string
		want                string
	}{
		{"legacy", "erna", "carl", relay.Plan{}, "192.0.2.1", "erna@example.com old:smtp due"},
		{"cloud", "carl", "erna", relay.Plan{}, "192.0.2.1", "erna@example.com new:smtp due"},
		{"cloud, by mailbox", "carl", "erna", relay.Plan{Via: "mailbox"}, "192.0.2.1", "erna@example.com new:smtp due"},
		{"both", "erna", "erna", relay.Plan{}, "192.0.2.1", "erna@example.com old:smtp due"},
		{"both, all to the cloud", "erna", "erna", relay.Plan{To: cutover.Cloud}, "192.0.2.1", "erna@example.com new:smtp due"},
		{"legacy alone, all to the cloud", "erna", "carl", relay.Plan{To: cutover.Cloud, Tee: true}, "192.0.2.1", "erna@example.com old:smtp due"},
		{"both, from the legacy", "erna", "erna", relay.Plan{}, legacyAddr, "erna@example.com new:smtp due"},
		{"legacy alone, from the legacy", "erna", "carl", relay.Plan{}, legacyAddr, "erna@example.com old:smtp held"},
		{"cloud alone, from the cloud", "carl", "erna", relay.Plan{}, cloudAddr, "erna@example.com new:smtp held"},
		{"both, from the cloud", "erna", "erna", relay.Plan{}, cloudAddr, "erna@example.com old:smtp due"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := askBed(t, true, tt.plan, newAsked(t, tt.legacy, tt.cloud))
			m := to("erna@example.com", "ERNA@old.example").from(tt.from)
			for _, r := range m.env.Recipients {
				equal(t, "answer", answer(b.intake.Recipient(t.Context(), m.peer, string(r.Address))), "ok")
			}
			b.intake.SetDirectory(b.config.Directory) // what was taken before a reload must go somewhere, too
			equal(t, "plan", b.plan(m), []string{tt.want})
		})
	}
}

// TestUnlistedTags: with plus addressing a server is asked for the address as it was written and without its tag; mail goes to what it knows, once.
func TestUnlistedTags(t *testing.T) {
	on := newAsked(t, "erna", "fritz+a")
	b := askBed(t, true, relay.Plan{}, on)
	cfg := house()
	cfg.Complete, cfg.PlusTags = true, true
	b.intake.SetDirectory(relay.NewDirectory(cfg))
	for address, want := range map[string]string{
		"erna+news@example.com": "ok", "fritz+a@example.com": "ok", "fritz+b@example.com": "550 5.1.1", "fritz@example.com": "550 5.1.1", "carl+x@example.com": "550 5.1.1",
	} {
		equal(t, address, answer(b.intake.Recipient(t.Context(), relay.Peer{}, address)), want)
	}
	equal(t, "plan", b.plan(to("erna+news@example.com", "erna@example.com", "erna+other@example.com", "fritz+a@example.com")), []string{"erna@example.com old:smtp due", "fritz+a@example.com new:smtp due"})
}
