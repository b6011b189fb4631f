package evidence

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func use(at float64, channel Channel, source, sender string) Observation {
	return Observation{At: hours(at), Channel: channel, Class: Wanted, Source: source, Sender: sender}
}

func only(t *testing.T, te Testimony) Use {
	t.Helper()
	uses := te.Uses()
	if len(uses) != 1 {
		t.Fatalf("got %d uses, want 1: %v", len(uses), uses)
	}
	return uses[0]
}

func TestFoldCounts(t *testing.T) {
	first := use(1, Arriving, "mx", "Mail.Example")
	first.From, first.Client = "a@example", netip.MustParseAddr("192.0.2.1")
	second := use(30, Arriving, "mx", "mail.example")
	second.From = "b@example"
	spam := use(31, Arriving, "mx", "mail.example")
	spam.Class = Unwanted
	u := only(t, Fold(Fold(Testimony{}, first, second), spam))
	if u.Wanted != 2 || u.Unwanted != 1 {
		t.Errorf("counts %d wanted, %d unwanted", u.Wanted, u.Unwanted)
	}
	if !u.First.Equal(hours(1)) || !u.Last.Equal(hours(31)) || !u.LastUse.Equal(hours(30)) {
		t.Errorf("first %v, last %v, last use %v", u.First, u.Last, u.LastUse)
	}
	if u.Recent.Wanted[0] != 1 || u.Recent.Wanted[1] != 1 || u.Recent.Unwanted[0] != 1 {
		t.Errorf("histogram %v", u.Recent)
	}
	if u.From != "" || u.Client.IsValid() {
		t.Errorf("details are not those of the latest observation: %+v", u)
	}
}

func TestFoldRecognisesRepeats(t *testing.T) {
	o := use(1, Arriving, "mx", "mail.example")
	o.Message = "<1@example>"
	if u := only(t, Fold(Fold(Testimony{}, o, o), o)); u.Wanted != 1 {
		t.Errorf("an exact repeat was counted %d times", u.Wanted)
	}
	later := o
	later.At = hours(2)
	if u := only(t, Fold(Testimony{}, o, later)); u.Wanted != 2 {
		t.Errorf("the same message at another time was counted %d times, want 2", u.Wanted)
	}
	o.Message = ""
	if u := only(t, Fold(Testimony{}, o, o)); u.Wanted != 2 {
		t.Errorf("without a message two observations were counted %d times, want 2", u.Wanted)
	}
}

func TestFoldForgetsOldRepeats(t *testing.T) {
	o := use(0, Arriving, "mx", "mail.example")
	o.Message = "<1@example>"
	much := use(24*(repeatDays+1), Arriving, "mx", "mail.example")
	much.Message = "<2@example>"
	te := Fold(Testimony{}, o, much)
	if len(te.repeats) != 1 {
		t.Errorf("%d days are remembered, want 1", len(te.repeats))
	}
}

func TestFoldSessions(t *testing.T) {
	begin := use(1, Login, "dovecot", "anna")
	begin.Message, begin.Open = "S1", true
	end := begin
	end.Open, end.Until = false, hours(50)
	lost := end
	lost.At = hours(50) // the reader no longer knew when it began
	tests := []struct {
		name   string
		fold   []Observation
		open   bool
		last   float64
		wanted int
	}{
		{"open", []Observation{begin}, true, 1, 1},
		{"open twice", []Observation{begin, begin}, true, 1, 1},
		{"ended", []Observation{begin, end}, false, 50, 1},
		{"end first", []Observation{end, begin}, false, 50, 1},
		{"end without its beginning", []Observation{lost}, false, 50, 1},
		{"its end told twice, differently", []Observation{begin, {At: hours(1), Until: hours(40), Channel: Login, Class: Wanted,
			Source: "dovecot", Sender: "anna", Message: "S1"}, end}, false, 50, 1},
		{"begin, end without its beginning", []Observation{begin, lost}, false, 50, 1},
		{"everything twice", []Observation{begin, end, begin, end}, false, 50, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			te := Fold(Testimony{}, tt.fold...)
			u := only(t, te)
			if _, open := te.Open()[u.UseKey]; open != tt.open {
				t.Errorf("open: got %v, want %v", open, tt.open)
			}
			if !u.LastUse.Equal(hours(tt.last)) || u.Wanted != tt.wanted {
				t.Errorf("last use %v, %d times", u.LastUse, u.Wanted)
			}
		})
	}
}

func TestFoldSessionWithoutName(t *testing.T) {
	begin := use(1, Login, "dovecot", "anna")
	begin.Open = true
	end := begin
	end.Open, end.Until = false, hours(2)
	again := begin
	again.At = hours(3)
	te := Fold(Testimony{}, begin, end, end)
	if len(te.Open()) != 0 {
		t.Error("the session is still open")
	}
	if te = Fold(te, again); !te.Open()[keyOf(begin)].Equal(hours(3)) {
		t.Errorf("open sessions %v, want the second one", te.Open())
	}
	other := begin
	other.Sender = "bob"
	if te = Fold(te, other); len(te.Open()) != 2 {
		t.Errorf("open sessions %v, want bob's too", te.Open())
	}
}

func TestFoldNamesWhoHasNoName(t *testing.T) {
	tests := []struct {
		o    Observation
		want string
	}{
		{Observation{Sender: "Scanner-3"}, "scanner-3"},
		{Observation{Client: netip.MustParseAddr("::ffff:10.0.4.31")}, "10.0.4.31"},
		{Observation{From: "Payroll@acme.example"}, "payroll@acme.example"},
		{Observation{}, "unknown"},
	}
	for _, tt := range tests {
		if got := keyOf(tt.o).Sender; got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.o, got, tt.want)
		}
	}
}

func TestFoldKeepsMemoryBounded(t *testing.T) {
	var spam []Observation
	for i := range noiseUses + 500 {
		o := use(1, Arriving, "mx", fmt.Sprintf("bot%d.example", i))
		o.Class = Unwanted
		spam = append(spam, o)
	}
	te := Fold(Testimony{}, spam...)
	if n := len(te.Uses()); n != noiseUses+1 {
		t.Errorf("%d uses are kept, want %d", n, noiseUses+1)
	}
	if u := te.uses[UseKey{Arriving, "mx", Others}]; u == nil || u.Unwanted != 500 {
		t.Errorf("the others are %+v, want 500 unwanted", u)
	}
	te = Fold(te, use(2, Arriving, "mx", "customer.example"))
	if te.uses[UseKey{Arriving, "mx", "customer.example"}] == nil {
		t.Error("a wanted sender was not kept apart")
	}
	if te.noise != noiseUses+1 {
		t.Errorf("noise is %d, want %d", te.noise, noiseUses+1)
	}
}

func TestHistogramForgets(t *testing.T) {
	var h Histogram
	h.add(hours(0), Wanted)
	h.add(hours(24*5), Wanted)
	if h.Wanted[0] != 1 || h.Wanted[5] != 1 {
		t.Errorf("after five days: %v", h.Wanted)
	}
	h.add(hours(24*30), Unwanted)
	if h.Wanted[25] != 1 || h.Unwanted[0] != 1 {
		t.Errorf("after thirty days: %v %v", h.Wanted, h.Unwanted)
	}
	h.add(hours(0), Wanted)
	var sum uint32
	for _, n := range h.Wanted {
		sum += n
	}
	if sum != 1 {
		t.Errorf("%d wanted observations are remembered, want 1", sum)
	}
	h.add(hours(24*300), Wanted)
	if h.Wanted[0] != 1 || h.Wanted[25] != 0 || h.Unwanted[0] != 0 {
		t.Errorf("after 300 days: %v", h)
	}
	if got := dayOf(time.Unix(-1, 0)); got != -1 {
		t.Errorf("the day before the epoch is %d, want -1", got)
	}
}

// randomObservations are of few senders and messages, so that repeats, sessions and equal times happen.
func randomObservations(rnd *rand.Rand, n int) []Observation {
	channels := []Channel{Arriving, Sending, Login}
	all := make([]Observation, n)
	for i := range all {
		o := use(float64(rnd.IntN(200)), channels[rnd.IntN(3)], []string{"mx", "postfix", "dovecot"}[rnd.IntN(3)], string(rune('a'+rnd.IntN(4))))
		if rnd.IntN(3) == 0 {
			o.Class = Unwanted
		}
		o.Detail = []string{"", "iPhone", "Outlook"}[rnd.IntN(3)]
		o.Message = []string{"", "m1", "m2", "m3"}[rnd.IntN(4)]
		if o.Channel == Login && o.Message != "" {
			number := rnd.IntN(6)
			o.Message, o.At = fmt.Sprintf("%s-%s-%d", o.Sender, o.Class, number), hours(float64(number)*30)
			o.Open = rnd.IntN(2) == 0
			if !o.Open {
				o.Until = o.At.Add(time.Hour)
			}
		}
		all[i] = o
	}
	return all
}

// What was folded in another order, or one by one, is the same testimony.
func TestFoldOrderDoesNotMatter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		all := randomObservations(rnd, 1+rnd.IntN(40))
		one := Fold(Testimony{}, all...)
		var other Testimony
		for _, i := range rnd.Perm(len(all)) {
			other = Fold(other, all[i])
		}
		if !reflect.DeepEqual(one.Uses(), other.Uses()) {
			diff(t, one.Uses(), other.Uses())
			t.Fatalf("round %d: uses differ", round)
		}
		if len(one.Open()) != len(other.Open()) || !reflect.DeepEqual(one.contacts, other.contacts) || one.noise != other.noise {
			t.Fatalf("round %d: sessions, contacts or noise differ", round)
		}
	}
}

// An older testimony is not changed by what is made of it.
func TestTestimonyIsAValue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	old := Fold(Testimony{}, randomObservations(rnd, 50)...).Cover(Coverage{"mx", span(0, 5)})
	names := []string{"anna"}
	old = old.WithWork(OpenWork{At: hours(0), Held: Work{Count: 1, Names: names}})
	names[0] = "changed"
	uses, open, spans := old.Uses(), old.Open(), old.Coverage("mx")
	changed := Fold(old, randomObservations(rnd, 50)...).Cover(Coverage{"mx", span(5, 6)}, Coverage{"new", span(0, 1)}).Switch(hours(1))
	changed = changed.WithWork(OpenWork{})
	if !reflect.DeepEqual(uses, old.Uses()) || !reflect.DeepEqual(open, old.Open()) || !reflect.DeepEqual(spans, old.Coverage("mx")) {
		t.Error("the old testimony changed")
	}
	if old.Work().Held.Names[0] != "anna" || !old.Switched().IsZero() || len(old.Coverage("new")) != 0 {
		t.Error("the old testimony's work, switch or coverage changed")
	}
	if changed.Work().Held.Count != 0 || !reflect.DeepEqual(changed.Coverage("mx"), Spans{span(0, 6)}) {
		t.Error("the new testimony lacks the changes")
	}
}

func diff(t *testing.T, a, b []Use) {
	t.Helper()
	for i := range min(len(a), len(b)) {
		if !reflect.DeepEqual(a[i], b[i]) {
			t.Errorf("%+v\n%+v", a[i], b[i])
			return
		}
	}
	t.Errorf("%d and %d uses", len(a), len(b))
}
