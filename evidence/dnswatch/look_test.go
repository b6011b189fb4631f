package dnswatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

// Everything that is watched is asked of each authoritative server, of none of them recursively, and of the resolver.
func TestLook(t *testing.T) {
	w := newWorld(t)
	w.cfg.Selectors = []string{"selector1"}
	w.load(7, `@ 300 MX 10 Mail
@ 300 MX 5 mx.elsewhere.example.
@ 60 TXT "v=spf1 mx " "-all"
@ 60 TXT "site-verification=1"
_dmarc 60 TXT "v=DMARC1; p=reject"
_mta-sts 60 TXT "v=STSv1; id=1"
mail 60 AAAA 2001:db8::1
_25._tcp.mail 60 TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
selector1._domainkey 60 CNAME selector1.tenant.example.
autodiscover 60 CNAME autodiscover.outlook.com.
_autodiscover._tcp 60 SRV 0 0 443 mail
`)
	w.resolve("mx.elsewhere.example. 60 A 198.51.100.7", "example.com. 120 MX 10 mail.example.com.")
	w.look()
	if len(w.snapshot.Views) != 3 || w.snapshot.Zone != "example.com" || !w.snapshot.At.Equal(start) {
		t.Fatalf("%+v", w.snapshot)
	}
	want := map[Key]string{
		{"example.com", "MX"}:                       "5 mx.elsewhere.example, 10 mail.example.com",
		{"example.com", "TXT"}:                      "v=spf1 mx -all",
		{"_dmarc.example.com", "TXT"}:               "v=DMARC1; p=reject",
		{"_mta-sts.example.com", "TXT"}:             "v=STSv1; id=1",
		{"mail.example.com", "A"}:                   "192.0.2.1",
		{"mail.example.com", "AAAA"}:                "2001:db8::1",
		{"_25._tcp.mail.example.com", "TLSA"}:       "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		{"selector1._domainkey.example.com", "TXT"}: "CNAME selector1.tenant.example",
		{"autodiscover.example.com", "A"}:           "CNAME autodiscover.outlook.com",
		{"_autodiscover._tcp.example.com", "SRV"}:   "0 0 443 mail.example.com",
	}
	for i, v := range w.snapshot.Views[:2] {
		if v.Err != "" || !v.Authoritative || v.Serial != 7 || !strings.HasPrefix(v.Server, []string{"ns1", "ns2"}[i]+".example.com 127.0.0.") {
			t.Errorf("%+v", v)
		}
		for key, values := range want {
			if a, ok := v.Answers[key]; !ok || a.Err != "" || list(a.Values) != values {
				t.Errorf("%s at %s: %+v, want %s", key, v.Server, a, values)
			}
		}
		if len(v.Answers) != len(want) {
			t.Errorf("%d answers of %s", len(v.Answers), v.Server)
		}
		if n := w.ns[i].Recursion(); n != 0 {
			t.Errorf("%d questions wanted recursion", n)
		}
	}
	r := w.snapshot.Views[2]
	if a := r.Answers[Key{"mx.elsewhere.example", "A"}]; r.Authoritative || list(a.Values) != "198.51.100.7" {
		t.Errorf("%+v", r)
	}
	if got := w.history.Hosts["mx.elsewhere.example"]; !slices.Equal(got, []string{"198.51.100.7"}) {
		t.Errorf("%q", got)
	}
	if w.history.Records[Key{"mx.elsewhere.example", "A"}].Spells != nil {
		t.Error("what stands in another zone is no record of ours")
	}
}

// Whatever is wrong with one server is told, and what the others say counts.
func TestServersThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		manner testserver.Manner
		code   Code
		words  string
	}{
		{"timeout", testserver.Silent, Silent, "no answer"},
		{"SERVFAIL", testserver.Failing, Silent, "SERVFAIL"},
		{"lame, refusing", testserver.Refusing, Lame, "does not know the zone (REFUSED)"},
		{"lame, from a cache", testserver.Unsure, Lame, "not authoritative"},
		{"another question", testserver.Misanswered, Silent, "another question"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.ns[1].Behave(c.manner)
			h := w.look()
			w.tells(c.code, true, "ns2.example.com 127.0.0.3", c.words)
			if !h.MX.LeadTo(Old) || len(h.Said) != 2 {
				t.Errorf("%+v", h.MX)
			}
			w.ns[1].Behave(testserver.Answering)
			w.look()
			w.tells(c.code, false)
		})
	}
}

func TestTruncatedAnswers(t *testing.T) {
	w := newWorld(t)
	w.ns[0].Behave(testserver.Truncating)
	w.ns[1].Behave(testserver.Failing)
	if h := w.look(); len(h.MX.Leads) != 2 {
		t.Errorf("%+v", h.MX)
	}
}

// A single name that cannot be told changes nothing, whatever was known of it.
func TestOneNameFails(t *testing.T) {
	w := newWorld(t)
	w.load(1, oldMX+"@ 60 TXT \"v=spf1 mx -all\"\n")
	w.look()
	for _, ns := range w.ns {
		ns.Fail("example.com", "TXT", true)
		ns.Fail("example.com", "MX", true)
	}
	h := w.after(300e9)
	if len(h.Changes) != 0 || len(h.Records[spfKey("example.com")].Current()) != 1 || !h.MX.LeadTo(Old) || !h.MX.Switched.IsZero() {
		t.Errorf("%+v, %+v", h.Changes, h.MX)
	}
}

// Whoever stops need not wait for those who do not answer.
func TestLookEnds(t *testing.T) {
	w := newWorld(t)
	w.cfg.Patience = time.Hour
	address, _ := silent(t)
	w.cfg.Resolvers = []string{address}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if s := New(w.cfg).Look(ctx, "example.com"); s.answered() {
		t.Errorf("%+v", s)
	}
}

// A dead resolver is waited for once, not with each question.
func TestDeadResolver(t *testing.T) {
	w := newWorld(t)
	dead, asked := silent(t)
	w.cfg.Resolvers = []string{dead, w.resolver.Addr()}
	w.resolve("example.com. 60 MX 10 mail.example.com.")
	if h := w.look(); !h.MX.LeadTo(Old) || asked.Load() > 4 {
		t.Errorf("%+v; it was asked %d times", h.MX, asked.Load())
	}
	w.tells(Silent, false, "resolver "+dead, "no answer")
}

// Without any authoritative server what resolvers say counts, and that is told.
func TestOnlyResolvers(t *testing.T) {
	w := newWorld(t)
	for _, ns := range w.ns {
		ns.Behave(testserver.Failing)
	}
	w.resolve("example.com. 120 MX 10 mail.example.com.", "mail.example.com. 60 A 192.0.2.1")
	h := w.look()
	w.tells(NoServers, false, "what resolvers say counts", "SERVFAIL")
	if !h.MX.LeadTo(Old) {
		t.Errorf("%+v", h.MX)
	}
	w.resolver.Remove("example.com", "MX")
	w.resolve("example.com. 30 MX 10 mail.example.com.")
	w.after(90e9)
	w.resolver.Remove("example.com", "MX")
	w.resolve("example.com. 30 MX 0 x.mail.protection.outlook.com.")
	h = w.after(30e9)
	if len(h.mxChanges()) != 1 || !h.MX.Switched.Equal(w.now) {
		t.Errorf("%q, %+v", h.mxChanges(), h.MX)
	}
	if until := h.Records[Key{"example.com", "MX"}].Lingers(w.now); !until.Equal(w.now.Add(120e9)) {
		t.Errorf("until %s, but a cache may have asked with the whole TTL just before", until)
	}
}

func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	w.look()
	before := w.history
	w.cfg.Resolvers[0], _ = silent(t)
	h := w.after(300e9)
	w.tells(Unanswered, true, "nobody tells anything of example.com", "no answer")
	if !h.Looked.Equal(before.Looked) || len(h.Changes) != 0 || !h.MX.LeadTo(Old) {
		t.Errorf("%+v", h)
	}
}

// While the authoritative servers cannot be found, what they said last counts, and no resolver's word instead.
func TestServersNotFound(t *testing.T) {
	w := newWorld(t)
	w.resolve("example.com. 60 MX 0 x.mail.protection.outlook.com.")
	w.look()
	w.resolver.Fail("example.com", "NS", true)
	h := w.after(300e9)
	if !h.MX.LeadTo(Old) || len(h.Changes) != 0 || !h.MX.Switched.IsZero() {
		t.Errorf("%+v, %+v", h.MX, h.Changes)
	}
	w.tells(NoServers, false, "what they said last counts for a day", "asking resolvers for NS of example.com: SERVFAIL")
}

// The domain may stand in a zone above it, and its name server behind a delegation.
func TestDomainWithinAZone(t *testing.T) {
	w := newWorld(t)
	w.load(1, "www 60 MX 10 mail\n_dmarc.www 60 NS ns.elsewhere.example.\n")
	s := New(w.cfg).Look(t.Context(), "www.example.com")
	if s.Zone != "example.com" || list(s.Views[0].Answers[Key{"www.example.com", "MX"}].Values) != "10 mail.example.com" {
		t.Errorf("%+v", s)
	}
	if _, told := s.Views[0].Answers[Key{"_dmarc.www.example.com", "TXT"}]; told {
		t.Error("a referral was taken for an answer")
	}
}

// The zone above may name a server that the zone itself does not, at an address that nobody else knows: senders go there too, so it is asked, and the record is switched when it is there.
func TestServersOfTheZoneAbove(t *testing.T) {
	w := newWorld(t)
	third := testserver.NewNameserver("sub.example.com")
	must(t, third.StartAt(fmt.Sprintf("127.0.0.4:%d", w.cfg.Port)))
	t.Cleanup(third.Stop)
	sub := "@ 600 SOA ns hostmaster %d 3600 600 86400 60\n@ 600 NS ns.sub.example.com.\n"
	must(t, third.Load(fmt.Sprintf(sub, 1)+"@ 60 MX 10 mail.example.com.\n"))
	own := testserver.NewNameserver("sub.example.com")
	must(t, own.StartAt(fmt.Sprintf("127.0.0.5:%d", w.cfg.Port)))
	t.Cleanup(own.Stop)
	must(t, own.Load(fmt.Sprintf(sub, 2)+newMX))
	w.load(1, "sub 600 NS ns.sub\nsub 600 NS old.sub\nns.sub 600 A 127.0.0.5\nold.sub 600 A 127.0.0.4\n")
	w.resolve("sub.example.com. 600 NS ns.sub.example.com.", "ns.sub.example.com. 600 A 127.0.0.5")
	watcher, h := New(w.cfg), History{}
	look := func() (Snapshot, History) {
		w.now = w.now.Add(5 * time.Minute)
		s := watcher.Look(t.Context(), "sub.example.com")
		h = Next(h, s, who)
		return s, h
	}
	s, _ := look()
	var names []string
	for _, f := range Findings(h, s, who, w.now) {
		names = append(names, string(f.Code))
	}
	if len(s.Views) != 3 || s.Views[1].Server != "old.sub.example.com 127.0.0.4" || !h.MX.Switched.IsZero() || !h.MX.LeadTo(Old) || !slices.Contains(names, "delegated") || !slices.Contains(names, "lagging") {
		t.Errorf("%+v, %+v, %q", s, h.MX, names)
	}
	asked := w.ns[0].Asked("sub.example.com", "NS") + w.ns[1].Asked("sub.example.com", "NS")
	must(t, third.Load(fmt.Sprintf(sub, 2)+newMX))
	if _, h := look(); !h.MX.Switched.Equal(w.now) {
		t.Errorf("%+v", h.MX)
	}
	if again := w.ns[0].Asked("sub.example.com", "NS") + w.ns[1].Asked("sub.example.com", "NS"); asked != 1 || again != 1 {
		t.Errorf("the zone above was asked %d times, then %d", asked, again)
	}
}

func TestConfiguredServers(t *testing.T) {
	w := newWorld(t)
	w.resolver.Remove("example.com", "NS")
	w.cfg.Servers = []string{w.ns[1].Addr()}
	if h := w.look(); !h.MX.LeadTo(Old) || len(h.Said) != 2 {
		t.Errorf("%+v", h)
	}
	if w.snapshot.Views[0].Server != w.ns[1].Addr() || w.ns[0].Asked("example.com", "MX") != 0 {
		t.Errorf("%+v", w.snapshot)
	}
}

func TestPolicy(t *testing.T) {
	w := newWorld(t)
	mode, missing, broken := "enforce", []string{"backup.example.com"}, error(nil)
	var asked []string
	w.cfg.Policy = func(_ context.Context, domain string, hosts []string) (string, []string, error) {
		asked = append([]string{domain}, hosts...)
		return mode, missing, broken
	}
	w.look()
	if asked != nil {
		t.Error("without a record there is no policy")
	}
	w.load(2, oldMX+"_mta-sts 60 TXT \"v=STSv1; id=1\"\n")
	w.look()
	if !slices.Equal(asked, []string{"example.com", "backup.example.com", "mail.example.com"}) {
		t.Errorf("asked %q", asked)
	}
	w.tells(Unlisted, true, "enforce", "backup.example.com")
	mode = "testing"
	w.look()
	w.tells(Unlisted, false, "testing", "backup.example.com")
	missing = nil
	w.look()
	w.tells(Unlisted, false)
	broken = errors.New("HTTP 404")
	w.look()
	w.tells(NoPolicy, false, "HTTP 404")
}

// What a zone says is kept and shown: it is bounded.
func TestLargeAnswers(t *testing.T) {
	w := newWorld(t)
	var zone strings.Builder
	for i := range 200 {
		fmt.Fprintf(&zone, "@ 60 MX %d mx%d\n", i, i)
	}
	fmt.Fprintf(&zone, "@ 60 TXT \"v=spf1 \" %s\n", strings.Repeat("\""+strings.Repeat("x", 250)+"\" ", 20))
	w.load(1, zone.String())
	h := w.look()
	if spf := h.Records[spfKey("example.com")].Current(); len(h.MX.Leads) != maxValues || h.MX.Leads[9].Preference != 9 || len(spf) != 1 || len(spf[0].Values[0]) != maxValue {
		t.Errorf("%d hosts, %+v", len(h.MX.Leads), spf)
	}
}
