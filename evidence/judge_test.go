package evidence

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	done     = OpenWork{At: day0}
	hostAddr = netip.MustParseAddr("10.0.4.31")
)

// policy wants three days of quiet from two logs and, for contact, one listener.
func policy() Policy {
	return quietAlone(MailboxServer([]string{"postfix", "dovecot"}, []string{"mx"}))
}

// quietAlone asks no sender book.
func quietAlone(p Policy) Policy {
	p.Chance = 0
	return p
}

func covered(spans ...Span) Testimony {
	var t Testimony
	for _, s := range spans {
		t = t.Cover(Coverage{"postfix", s}, Coverage{"dovecot", s}, Coverage{"mx", s})
	}
	return t.WithWork(done)
}

func codes(v Verdict) string {
	var all []string
	for _, r := range v.Reasons {
		all = append(all, string(r.Code))
	}
	return strings.Join(all, ",")
}

// What is known to show nothing is not watched, however fresh its coverage is, and the reason names why.
func TestJudgeBlinded(t *testing.T) {
	p := quietAlone(MailboxServer([]string{"dovecot", "postfix"}, nil))
	p.Blinded = map[string]string{"dovecot": "it stopped"}
	v := Judge(p, covered(span(0, 100)), hours(100))
	if v.State != Blind || v.Fresh != 1 || v.Reasons[0].Text != "dovecot is not being watched: it stopped" {
		t.Errorf("%+v", v)
	}
}

// Where no source tells of a use that counts, its silence proves nothing, however well all sources are watched.
func TestJudgeUnseen(t *testing.T) {
	p := policyWithoutContact()
	p.Unseen = []Channel{Login}
	v := Judge(p, covered(span(0, 100)), hours(100))
	if v.State != Blind || codes(v) != "unseen" || v.Reasons[0].Channel != Login || !strings.HasPrefix(v.Reasons[0].Text, "no required source tells of logins") || !strings.Contains(v.Reasons[0].Help, "verdict.without_logins = true") || !v.Earliest.IsZero() {
		t.Errorf("%+v", v)
	}
	p = quietAlone(OldAddress([]string{"mx"}))
	p.ContactWithin, p.Unseen = 0, []Channel{Login}
	if v := Judge(p, covered(span(0, 100)), hours(100)); v.State != Ready {
		t.Errorf("who logs in uses no address: %+v", v)
	}
}

func TestJudge(t *testing.T) {
	open := use(10, Login, "dovecot", "anna")
	open.Open, open.Message = true, "S1"
	unwanted := use(99, Login, "dovecot", "monitor")
	unwanted.Class = Unwanted
	quiet := covered(span(0, 100))
	tests := []struct {
		name     string
		t        Testimony
		state    State
		codes    string
		earliest float64
	}{
		{"quiet and watched", quiet, Ready, "", 100},
		{"nothing known", Testimony{}, Blind, "unwatched,unwatched,unknown,short", 172},
		{"nobody looked for work", quiet.WithWork(OpenWork{}), NotYet, "unknown", 100},
		{"one source only", Testimony{}.Cover(Coverage{"postfix", span(0, 100)}).WithWork(done), Blind, "unwatched,short", 172},
		{"login yesterday", Fold(quiet, use(80, Login, "dovecot", "anna")), NotYet, "used,short", 152},
		{"login three days ago", Fold(quiet, use(28, Login, "dovecot", "anna")), Ready, "", 100},
		{"a second less", Fold(quiet, use(28+1.0/3600, Login, "dovecot", "anna")), NotYet, "used,short", 100 + 1.0/3600},
		{"still logged in", Fold(quiet, open), NotYet, "session,short", 172},
		{"monitor", Fold(quiet, unwanted), Ready, "", 100},
		{"mail at the listener is no use of the mailbox server", Fold(quiet, use(99, Arriving, "mx", "old.example")), Ready, "", 100},
		{"mail in the old mailbox is", Fold(quiet, use(99, Arriving, "growth", "old.example")), NotYet, "used,short", 171},
		{"device at the listener", Fold(quiet, use(99, Sending, "mx", "scanner-3")), NotYet, "used,short", 171},
		{"two users, the latest first", Fold(quiet, use(80, Login, "dovecot", "anna"), use(90, Login, "dovecot", "bob")), NotYet, "used,used,short", 162},
		{"seen in the future", Fold(quiet, use(110, Login, "dovecot", "anna")), NotYet, "used,short", 182},
		{"not watched for long", covered(span(90, 100)), NotYet, "short", 162},
		{"not watched now", covered(span(0, 99)), Blind, "unwatched,unwatched", 100 + 1.0/3600},
		{"silent for a moment", covered(span(0, 99.95)), Ready, "", 100},
		{"a small gap", covered(span(0, 90), span(95, 100)), Ready, "", 100},
		{"a small gap is not quiet", Fold(covered(span(0, 90), span(95, 100)), use(28, Login, "dovecot", "anna")), NotYet, "used,short", 105},
		{"a large gap", covered(span(0, 80), span(90, 100)), Blind, "uncovered,uncovered", 154.8},
		{"a large gap before the window", covered(span(0, 5), span(20, 100)), Ready, "", 100},
		{"no use is possible before watching began", Fold(covered(span(50, 100)), use(40, Login, "dovecot", "anna")), NotYet, "short", 122},
		{"MX switched yesterday", quiet.Switch(hours(76)), NotYet, "short", 148},
		{"held", quiet.WithWork(OpenWork{At: day0, Held: Work{Count: 1}}), NotYet, "held", 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Judge(policyWithoutContact(), tt.t, hours(100))
			if v.State != tt.state || codes(v) != tt.codes {
				t.Errorf("got %s because of %q, want %s because of %q", v.State, codes(v), tt.state, tt.codes)
			}
			if d := v.Earliest.Sub(hours(tt.earliest)); d.Abs() > time.Microsecond {
				t.Errorf("earliest %v, want %v", v.Earliest, hours(tt.earliest))
			}
		})
	}
}

func policyWithoutContact() Policy {
	p := policy()
	p.ContactWithin = 0
	return p
}

func TestJudgeOldAddress(t *testing.T) {
	watched := covered(span(0, 100))
	spam := use(90, Arriving, "mx", "bot.example")
	spam.Class = Unwanted
	tests := []struct {
		name  string
		t     Testimony
		state State
		codes string
	}{
		{"nobody came", watched, Blind, "no contact"},
		{"spam shows that the listener is reached", Fold(watched, spam), Ready, ""},
		{"the contact was too long ago", Fold(watched, use(25, Arriving, "mx", "old.example")), Blind, "no contact"},
		{"a login is no use of the address", Fold(watched, spam, use(99, Login, "dovecot", "anna")), Ready, ""},
		{"wanted mail", Fold(watched, use(90, Arriving, "mx", "old.example")), NotYet, "used,short"},
		{"a device is no outside contact", Fold(watched, use(90, Sending, "mx", "scanner-3")), Blind, "no contact,used,short"},
		{"young", covered(span(90, 100)), NotYet, "short"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Judge(quietAlone(OldAddress([]string{"mx"})), tt.t, hours(100))
			if v.State != tt.state || codes(v) != tt.codes {
				t.Errorf("got %s because of %q, want %s because of %q", v.State, codes(v), tt.state, tt.codes)
			}
		})
	}
}

func TestJudgeAccepted(t *testing.T) {
	te := Fold(covered(span(0, 100)), use(99, Sending, "postfix", "Scanner-3"))
	p := policyWithoutContact()
	if v := Judge(p, te, hours(100)); v.State != NotYet || v.Reasons[0].Senders[0] != "scanner-3" {
		t.Fatalf("not accepted: %s, %v", v.State, v.Reasons)
	}
	p.Allowed = []string{"SCANNER-3"}
	if v := Judge(p, te, hours(100)); v.State != Ready || !v.LastUse.IsZero() {
		t.Errorf("accepted: %s, last use %v", v.State, v.LastUse)
	}
}

// Several organisations come by one host, a mail service's: who is accepted stands for himself, whoever came last. So do export and import.
func TestJudgeAcceptedByOneHost(t *testing.T) {
	from := func(hour float64, domain string) Observation {
		o := use(hour, Arriving, "postfix", "out7.mailer.example")
		o.From = "a@" + domain
		return o
	}
	for _, orders := range [][]Observation{{from(10, "partner.org"), from(90, "supplier.com")}, {from(90, "supplier.com"), from(10, "partner.org")}} {
		te := Fold(covered(span(0, 100)), orders...)
		p := policyWithoutContact()
		p.Quiet = 95 * time.Hour
		for accepted, want := range map[string]float64{"supplier.com": 10, "partner.org": 90, "nobody.org": 90, "out7.mailer.example": 0} {
			p.Allowed = []string{accepted}
			out := Export{Schema: ExportSchema, At: hours(100), Policies: []Policy{p}, Testimony: te}
			text := toJSON(t, out)
			var in Export
			if err := json.Unmarshal([]byte(text), &in); err != nil {
				t.Fatal(err)
			}
			for _, v := range []Verdict{Judge(p, te, hours(100)), in.Verdicts()[0]} {
				if want == 0 && (v.State != Ready || !v.LastUse.IsZero()) || want > 0 && (v.State != NotYet || !v.LastUse.Equal(hours(want))) {
					t.Errorf("%s accepted: %s, %q, last use %v", accepted, v.State, codes(v), v.LastUse)
				}
			}
		}
	}
}

// Of a host with more systems than are told apart, nobody is accepted but the host; what an earlier version exported names the latest alone.
func TestUsesOfAHostAreBounded(t *testing.T) {
	te := covered(span(0, 100))
	for i := range 2 * usedBy {
		o := use(10+float64(i)/100, Arriving, "postfix", "out7.mailer.example")
		o.From = fmt.Sprintf("a@partner%d.org", i)
		te = Fold(te, o)
	}
	p := policyWithoutContact()
	for i := range 2 * usedBy {
		p.Allowed = append(p.Allowed, fmt.Sprintf("partner%d.org", i))
	}
	p.Quiet = 95 * time.Hour
	if u := te.Uses()[0]; len(u.By) != 1 || u.By[0].System != Others || !u.By[0].Last.Equal(u.LastUse) {
		t.Errorf("%+v", u.By)
	}
	if v := Judge(p, te, hours(100)); v.State != NotYet {
		t.Errorf("%s", v.State)
	}
	var former Testimony
	text := regexp.MustCompile(`,"by":\[[^]]*\]`).ReplaceAllString(toJSON(t, te), "")
	if err := json.Unmarshal([]byte(text), &former); err != nil {
		t.Fatal(err)
	}
	if u := former.Uses()[0]; len(u.By) != 1 || u.By[0].System != u.System || Judge(policyWithoutContact(), former, hours(40)).LastUse.IsZero() {
		t.Errorf("%+v", u)
	}
}

func TestJudgeNothingAsked(t *testing.T) {
	te := covered(span(0, 100))
	for name, change := range map[string]func(*Policy){
		"no source":       func(p *Policy) { p.Required = nil },
		"no door":         func(p *Policy) { p.Doors = nil },
		"no quiet period": func(p *Policy) { p.Quiet = 0 },
		"nothing":         func(p *Policy) { *p = Policy{} },
		"no listener":     func(p *Policy) { *p = OldAddress(nil) },
	} {
		p := policyWithoutContact()
		change(&p)
		if v := Judge(p, te, hours(100)); v.State != Blind || v.Reasons[0].Code != Unrequired || !v.Earliest.IsZero() {
			t.Errorf("%s: %s, %q, earliest %v", name, v.State, codes(v), v.Earliest)
		}
	}
}

func TestJudgeWork(t *testing.T) {
	w := OpenWork{
		At: hours(1), Unsettled: Work{Count: 3, Since: hours(90)}, Held: Work{Count: 1}, Problems: Work{Count: 2, Names: []string{"bob@example.com"}},
		Undisposed: Work{Count: 9}, Unverified: Work{Count: 1},
	}
	v := Judge(policyWithoutContact(), covered(span(0, 100)).WithWork(w), hours(100))
	if got, want := codes(v), "unsettled,held,problem,undisposed,unverified"; got != want || v.State != NotYet {
		t.Errorf("got %s because of %q, want %q", v.State, got, want)
	}
	if v.Reasons[0].Text != "3 messages are not yet safe in the cloud" || v.Reasons[1].Text != "1 message waits for a decision" {
		t.Errorf("texts %q, %q", v.Reasons[0].Text, v.Reasons[1].Text)
	}
	if !v.Reasons[0].Since.Equal(hours(90)) || v.Reasons[2].Senders[0] != "bob@example.com" {
		t.Errorf("details are lost: %+v", v.Reasons)
	}
}

func TestJudgeFigures(t *testing.T) {
	te := Fold(covered(span(0, 70), span(71, 100)), use(40, Login, "dovecot", "anna"))
	v := Judge(policyWithoutContact(), te, hours(100))
	if v.Quiet != 59*time.Hour || v.Blind != time.Hour || v.Window != 72*time.Hour || v.Fresh != 2 || v.Sources != 2 {
		t.Errorf("quiet %v, blind %v of %v, fresh %d of %d", v.Quiet, v.Blind, v.Window, v.Fresh, v.Sources)
	}
	if want := 3 * 60 * 24 / 59.0; math.Abs(v.Floor.Bound-want) > 1e-9 {
		t.Errorf("bound %v, want %v", v.Floor.Bound, want)
	}
	if v := Judge(policyWithoutContact(), Testimony{}, hours(100)); v.Floor.Bound != 0 || v.Window != 0 {
		t.Errorf("without anything: bound %v, window %v", v.Floor.Bound, v.Window)
	}
}

func TestJudgeMergesSources(t *testing.T) {
	a, b := use(80, Sending, "postfix", "scanner-3"), use(90, Sending, "mx", "scanner-3")
	a.Detail, b.Detail = "old", "new"
	v := Judge(policyWithoutContact(), Fold(covered(span(0, 100)), a, b), hours(100))
	if codes(v) != "used,short" || !reflect.DeepEqual(v.Reasons[0].Sources, []string{"mx", "postfix"}) {
		t.Errorf("%q, sources %v", codes(v), v.Reasons[0].Sources)
	}
	if v.Reasons[0].Text != "scanner-3 (new) sent by the old address" || !v.Reasons[0].Since.Equal(hours(90)) {
		t.Errorf("%q since %v is not the latest", v.Reasons[0].Text, v.Reasons[0].Since)
	}
}

// randomTestimony is about the sources of policy, with gaps and uses.
func randomTestimony(rnd *rand.Rand) Testimony {
	var te Testimony
	for _, source := range []string{"postfix", "dovecot", "mx"} {
		from := 0.0
		for from < 100 {
			from += rnd.Float64() * 20 * float64(rnd.IntN(2))
			to := from + rnd.Float64()*100
			te = te.Cover(Coverage{source, span(from, to)})
			from = to
		}
	}
	for range rnd.IntN(4) {
		te = Fold(te, use(rnd.Float64()*100, []Channel{Arriving, Sending, Login}[rnd.IntN(3)], "postfix", "someone"))
	}
	return te.WithWork(done)
}

func randomPolicy(rnd *rand.Rand) Policy {
	p := policyWithoutContact()
	p.Quiet = time.Duration(1+rnd.IntN(60)) * time.Hour
	p.Window = time.Duration(rnd.IntN(2)*(1+rnd.IntN(100))) * time.Hour
	return p
}

const rounds = 3000

func TestReadyOnlyWhereWatched(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	ready := 0
	for range rounds {
		p, te, now := randomPolicy(rnd), randomTestimony(rnd), hours(60+rnd.Float64()*60)
		v := Judge(p, te, now)
		if v.State != Ready {
			continue
		}
		ready++
		if len(v.Reasons) > 0 || v.Earliest.After(now) {
			t.Fatalf("ready with reasons %q, earliest %v", codes(v), v.Earliest)
		}
		for _, source := range p.Required {
			spans := te.Coverage(source).Between(v.LastUse, now)
			if spans.Length() < p.Quiet || now.Sub(spans.End()) > p.Stale {
				t.Fatalf("ready, but %s was watched for %v since the last use, until %v", source, spans.Length(), spans.End())
			}
		}
		if Judge(p, te.WithWork(OpenWork{At: now, Undisposed: Work{Count: 1}}), now).State == Ready {
			t.Fatal("ready with open work")
		}
	}
	if ready < rounds/20 {
		t.Fatalf("only %d of %d were ready: the property was hardly tested", ready, rounds)
	}
}

func TestMoreUseNeverMakesReady(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range rounds {
		p, te, now := randomPolicy(rnd), randomTestimony(rnd), hours(60+rnd.Float64()*60)
		before := Judge(p, te, now)
		o := use(rnd.Float64()*120, []Channel{Arriving, Sending, Login}[rnd.IntN(3)], "dovecot", "another")
		if rnd.IntN(2) == 0 {
			o.Open, o.Message = true, "S"
		}
		after := Judge(p, Fold(te, o), now)
		if before.State != Ready && after.State == Ready {
			t.Fatalf("%q became ready by %+v", codes(before), o)
		}
		if after.Quiet > before.Quiet || after.Earliest.Before(before.Earliest) {
			t.Fatalf("quiet %v became %v, earliest %v became %v", before.Quiet, after.Quiet, before.Earliest, after.Earliest)
		}
	}
}

func TestEarliestComesTrue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	waited := 0
	for range rounds {
		p, te, now := randomPolicy(rnd), randomTestimony(rnd), hours(60+rnd.Float64()*60)
		now = now.Truncate(time.Second)
		v := Judge(p, te, now)
		then := te.Cover(Coverage{"postfix", Span{now, v.Earliest}}, Coverage{"dovecot", Span{now, v.Earliest}})
		if got := Judge(p, then, v.Earliest); got.State != Ready {
			t.Fatalf("%s at %v, earliest %v; then %s because of %q", v.State, now, v.Earliest, got.State, codes(got))
		}
		if !v.Earliest.After(now) {
			continue
		}
		waited++
		// A moment before, time that passes alone is not enough.
		if before := v.Earliest.Add(-2 * time.Second); before.After(now) && Judge(p, then, before).State == Ready {
			t.Fatalf("ready before the earliest time %v", v.Earliest)
		}
	}
	if waited < rounds/20 {
		t.Fatalf("only %d of %d had to wait: the property was hardly tested", waited, rounds)
	}
}

func TestSentence(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	now := hours(100).In(berlin)
	scanner := use(98, Sending, "postfix", "scanner-3")
	scanner.Client = hostAddr
	open := use(75.5, Login, "dovecot", "anna")
	open.Open, open.Message, open.Detail = true, "S", "iPhone"
	tests := []struct {
		name string
		t    Testimony
		want string
	}{
		{"ready", Fold(covered(span(0, 100)), use(28, Login, "dovecot", "anna")),
			"READY: the mailbox server may stop; quiet for 3 d, last use Tue 3 Nov 05:00"},
		{"not yet", Fold(covered(span(0, 100)), scanner),
			"NOT YET: the mailbox server may stop Mon 9 Nov 03:00 at the earliest, if nothing more arrives\n" +
				"scanner-3 (10.0.4.31) sent by the old address, 2 h ago\nquiet and watched for 2 h of 3 d"},
		{"session", Fold(covered(span(0, 100)), open),
			"NOT YET: the mailbox server may stop Mon 9 Nov 05:00 at the earliest, if nothing more arrives\n" +
				"anna (iPhone) is logged in on the old server, since Thu 5 Nov 04:30\nquiet and watched for 0 s of 3 d"},
		{"work", covered(span(0, 100)).WithWork(OpenWork{At: day0, Held: Work{Count: 1}}),
			"NOT YET: the mailbox server may stop as soon as the open work is done\n1 message waits for a decision"},
		{"blind", covered(span(0, 80), span(90, 99)),
			"BLIND: nobody can say whether the mailbox server may stop; 0 of 2 sources fresh\n" +
				"postfix is not being watched, since Fri 6 Nov 04:00\ndovecot is not being watched, since Fri 6 Nov 04:00"},
		{"uncovered", covered(span(0, 80), span(90, 100)),
			"BLIND: nobody can say whether the mailbox server may stop; 2 of 2 sources fresh\n" +
				"postfix was watched 86 % of the last 3 d; 90 % are needed\ndovecot was watched 86 % of the last 3 d; 90 % are needed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Sentence(Judge(policyWithoutContact(), tt.t, now), now); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSentenceIsShort(t *testing.T) {
	te := covered(span(0, 100))
	for i := range 20 {
		te = Fold(te, use(90, Login, "dovecot", fmt.Sprintf("user%d", i)))
	}
	got := strings.Split(Sentence(Judge(policyWithoutContact(), te, hours(100)), hours(100)), "\n")
	if len(got) != 7 || got[6] != "and 16 more" {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestLength(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 119 * time.Minute: "1 h 59 min", 2 * time.Hour: "2 h",
		24*time.Hour - 1: "23 h 59 min", 72 * time.Hour: "3 d", 76*time.Hour + 59*time.Minute: "3 d 4 h",
	} {
		if got := Length(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
