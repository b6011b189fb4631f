package evidence

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/evidence/book"
)

func mail(hour float64, class Class, source string) Observation {
	o := use(hour, Arriving, source, "mx1.supplier.example")
	o.From, o.Class = "anna@supplier.example", class
	return o
}

func TestTracks(t *testing.T) {
	te := Fold(Testimony{}, mail(1, Known, "mailboxes"), mail(25, Known, "mailboxes"), mail(26, Wanted, "mx"), mail(27, Unwanted, "mx"), mail(50, Moved, CloudSource))
	got := te.Tracks()
	if len(got) != 3 {
		t.Fatalf("tracks %+v", got)
	}
	past, mx, cloud := got[0], got[1], got[2]
	if past.Source != "mailboxes" || past.Old.Total() != 2 || len(past.Old) != 2 || !past.LastOld.Equal(hours(25)) {
		t.Errorf("the past: %+v", past)
	}
	if mx.System != "mx*.supplier.example" || mx.Old.Total() != 1 || !mx.LastOld.Equal(hours(26)) {
		t.Errorf("at the listener: %+v", mx)
	}
	if cloud.New.Total() != 1 || len(cloud.Old) != 0 || !cloud.LastNew.Equal(hours(50)) {
		t.Errorf("on the new side: %+v", cloud)
	}
	if uses := te.Uses(); len(uses) != 1 || uses[0].Wanted != 1 || uses[0].System != "mx*.supplier.example" {
		t.Errorf("what is known of the past, or moved, is no use: %+v", uses)
	}
}

// What is tallied by day is the same as what is folded one by one.
func TestTally(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var one Testimony
	var tallies []Tally
	for range 500 {
		o := mail(float64(rnd.IntN(24*40)), []Class{Known, Moved}[rnd.IntN(2)], "mailboxes")
		one = Fold(one, o)
		tallies = append(tallies, o.tally(1))
	}
	rnd.Shuffle(len(tallies), func(i, j int) { tallies[i], tallies[j] = tallies[j], tallies[i] })
	half := Testimony{}.Tally(tallies[:250]...)
	if other := half.Tally(tallies[250:]...); !reflect.DeepEqual(one.Tracks(), other.Tracks()) {
		t.Errorf("got %+v\nwant %+v", other.Tracks(), one.Tracks())
	}
	if n := half.Tracks()[0].Old.Total() + half.Tracks()[0].New.Total(); n != 250 {
		t.Errorf("the older testimony changed: it counts %d", n)
	}
}

func TestTracksAreBounded(t *testing.T) {
	var all []Tally
	for i := range tracksKept + 100 {
		all = append(all, Tally{TrackKey: TrackKey{Arriving, "mx", string(rune('a' + i))}, Class: Known, Last: hours(1), N: 1})
	}
	te := Testimony{}.Tally(all...)
	if n := len(te.tracks); n != tracksKept+1 || te.tracks[TrackKey{Arriving, "mx", Others}].Old.Total() != 100 {
		t.Errorf("%d tracks", n)
	}
}

// A session counts on the day of its beginning, and lasts until its end.
func TestTrackOfASession(t *testing.T) {
	begin := use(1, Login, "dovecot", "anna")
	begin.Open, begin.Message = true, "S1"
	end := begin
	end.Open, end.Until = false, hours(30)
	got := Fold(Fold(Testimony{}, begin), end).Tracks()[0]
	if got.Old.Total() != 1 || got.Old[0].Day != book.DayOf(hours(1)) || !got.LastOld.Equal(hours(30)) {
		t.Errorf("%+v", got)
	}
}

// history is a year of days on which a supplier wrote, and a customer now and then, before hours(0).
func history(t Testimony, every int, from string) Testimony {
	for day := 365; day > 0; day -= every {
		o := mail(float64(-24*day), Known, "mailboxes")
		o.From, o.Sender = "post@"+from, "mx."+from
		t = Fold(t, o)
	}
	return t
}

func foreseen(t Testimony, hour float64) Verdict {
	p := OldAddress([]string{"mx"})
	p.ContactWithin, p.Chance = 0, 0.05
	t = t.Switch(hours(0)).Cover(Coverage{"mx", span(-24, hour)}, Coverage{CloudSource, span(0, hour)}).WithWork(done)
	return Judge(p, t, hours(hour))
}

// The monthly sender who was not seen yet keeps the verdict from being ready, and is named; quiet alone would have been enough.
func TestTheMonthlySenderIsMissing(t *testing.T) {
	te := history(history(Testimony{}, 1, "daily.example"), 30, "payroll.example")
	for day := range 9 {
		o := mail(float64(24*day+12), Moved, CloudSource)
		o.From, o.Sender = "post@daily.example", "mx.daily.example"
		te = Fold(te, o)
	}
	v := foreseen(te, 24*9)
	if v.State != NotYet || codes(v) != "expected,likely" || v.Reasons[1].Senders[0] != "mx.payroll.example" {
		t.Fatalf("%s because of %+v", v.State, v.Reasons)
	}
	if v.Leftover.Sooner[0] != "mx.payroll.example" || v.Leftover.Chance <= v.Leftover.Allowed || !v.Earliest.After(v.At) {
		t.Errorf("leftover %+v, earliest %v", v.Leftover, v.Earliest)
	}
	p := OldAddress([]string{"mx"})
	p.ContactWithin, p.Chance, p.Allowed = 0, 0.05, []string{"payroll.example"}
	covered := te.Switch(hours(0)).Cover(Coverage{"mx", span(-24, 24*9)}, Coverage{CloudSource, span(0, 24*9)}).WithWork(done)
	if v := Judge(p, covered, hours(24*9)); v.State != Ready {
		t.Errorf("accepted by name: %s because of %+v", v.State, v.Reasons)
	}
	seen := mail(24*8, Moved, CloudSource)
	seen.From, seen.Sender = "post@payroll.example", "mx.payroll.example"
	if v := foreseen(Fold(te, seen), 24*9); v.State != Ready {
		t.Errorf("seen on the new side: %s because of %+v", v.State, v.Reasons)
	}
}

// Somebody new who came to the old side makes others likely of whom nobody knows: that is said, with a name by which a person can accept it, and no other name is asked for in vain.
func TestNewcomersAreNamed(t *testing.T) {
	te := history(Testimony{}, 1, "daily.example")
	moved := mail(24*39+1, Moved, CloudSource)
	moved.From, moved.Sender = "post@daily.example", "mx.daily.example"
	te = Fold(te, moved)
	for _, hour := range []float64{24 * 10, 24 * 12} {
		o := mail(hour, Wanted, "mx")
		o.From, o.Sender = "post@new.example", "mx.new.example"
		te = Fold(te, o)
	}
	judge := func(accepted ...string) Verdict {
		p := OldAddress([]string{"mx"})
		p.ContactWithin, p.Allowed = 0, accepted
		covered := te.Switch(hours(0)).Cover(Coverage{"mx", span(-24, 24*40)}, Coverage{CloudSource, span(0, 24*40)}).WithWork(done)
		return Judge(p, covered, hours(24*40))
	}
	v := judge("new.example")
	if v.State != NotYet || codes(v) != "expected,unheard" || v.Reasons[1].Senders[0] != Newcomers || !strings.Contains(v.Reasons[1].Text, "of 1 who were new since the switch 1 came to the old side") {
		t.Fatalf("%s because of %+v", v.State, v.Reasons)
	}
	if len(v.Leftover.Sooner) != 1 || v.Leftover.Sooner[0] != Newcomers {
		t.Errorf("sooner without %q", v.Leftover.Sooner)
	}
	if v := judge("new.example", Newcomers); v.State != Ready {
		t.Errorf("accepted: %s because of %+v", v.State, v.Reasons)
	}
	p := OldAddress([]string{"mx"})
	at := func(senders []Sender) Sender {
		return senders[slices.IndexFunc(senders, func(s Sender) bool { return s.Name == Newcomers })]
	}
	te = te.Switch(hours(0)).Cover(Coverage{"mx", span(-24, 24*40)}, Coverage{CloudSource, span(0, 24*40)})
	if s := at(Senders(p, te, hours(24*40))); !s.Open() || s.Chance <= p.Chance || !s.Called(Newcomers) {
		t.Errorf("in the list: %+v", s)
	}
	p.Allowed = []string{Newcomers}
	if s := at(Senders(p, te, hours(24*40))); s.Open() || !s.Accepted {
		t.Errorf("in the list, accepted: %+v", s)
	}
}

// Before the MX records are switched nobody is said to hold an old one, and nobody to be written to.
func TestNobodyIsLateBeforeTheSwitch(t *testing.T) {
	te := Fold(history(Testimony{}, 1, "daily.example"), mail(12, Wanted, "mx"))
	for _, at := range []time.Time{{}, hours(0)} {
		for _, s := range Senders(OldAddress([]string{"mx"}), te.Switch(at), hours(13)) {
			if s.State == book.Stale && strings.Contains(s.Why, "not known to be switched") != at.IsZero() || at.IsZero() && s.Help != "" {
				t.Errorf("switched at %v: %+v", at, s)
			}
		}
	}
}

// What was said to be the earliest time comes true when nothing more is seen.
func TestEarliestOfTheBook(t *testing.T) {
	te := history(history(Testimony{}, 1, "daily.example"), 7, "weekly.example")
	v := foreseen(te, 24*4)
	if v.State != NotYet || v.Earliest.IsZero() {
		t.Fatalf("%s, earliest %v", v.State, v.Earliest)
	}
	at := v.Earliest.Sub(day0).Hours()
	if v := foreseen(te, at+24); v.State != Ready {
		t.Errorf("a day after the earliest time: %s, chance %.3f", v.State, v.Leftover.Chance)
	}
	if v := foreseen(te, (24*4+at)/2); v.State != NotYet {
		t.Errorf("before the earliest time: %s, chance %.3f", v.State, v.Leftover.Chance)
	}
}

// Where the past is not known a long quiet decides.
func TestUnfamiliar(t *testing.T) {
	te := Testimony{}
	for _, hour := range []float64{-24 * 5, -24, 5} {
		te = Fold(te, mail(hour, Wanted, "mx"))
	}
	if v := foreseen(te, 24*20); v.State != NotYet || v.Needed != 30*day || v.Leftover.Horizon != 0 || codes(v) != "used,short" {
		t.Errorf("after 20 days: %s because of %+v", v.State, v.Reasons)
	}
	if v := foreseen(te, 24*31); v.State != Ready {
		t.Errorf("after 31 days: %s because of %+v", v.State, v.Reasons)
	}
	known := history(te, 3, "supplier.example")
	if v := foreseen(known, 24*20); v.Leftover.Horizon == 0 || v.Needed != 3*day {
		t.Errorf("with a known past %v are needed, leftover %+v", v.Needed, v.Leftover)
	}
	p := OldAddress([]string{"mx"})
	if v := Judge(p, known, hours(24*20)); v.Leftover.Horizon != 0 || v.Needed != 30*day {
		t.Errorf("when the switch was is not known, and %v are needed", v.Needed)
	}
}

func TestMoreUseIsNeverLessExpected(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		te := history(history(Testimony{}, 1+rnd.IntN(5), "daily.example"), 10+rnd.IntN(60), "rare.example")
		before := foreseen(te, 24*20)
		after := foreseen(Fold(te, mail(float64(24*(15+rnd.IntN(5))), Wanted, "mx")), 24*20)
		if after.State == Ready && before.State != Ready {
			t.Fatal("more use made it ready")
		}
	}
}

// Nobody sees who logs in at the cloud: that mail is seen there says nothing of a user who is silent.
func TestLoginsAreNotSeenOnTheNewSide(t *testing.T) {
	te := Testimony{}
	for d := 365; d > 0; d -= 2 {
		o := use(float64(-24*d), Login, "dovecot", "anna")
		o.Class = Known
		te = Fold(te, o)
	}
	te = te.Switch(hours(0)).Cover(Coverage{"dovecot", span(-24, 24*20)}).WithWork(done)
	p := MailboxServer([]string{"dovecot"}, nil)
	alone := Judge(p, te, hours(24*20)).Leftover
	if with := Judge(p, te.Cover(Coverage{CloudSource, span(0, 24*20)}), hours(24*20)).Leftover; with.Chance != alone.Chance || alone.Chance == 0 {
		t.Errorf("the chance is %.4f where the new side is seen, %.4f where not", with.Chance, alone.Chance)
	}
}
