package evidence

import (
	"cmp"
	"slices"
	"time"

	"posthouse/evidence/book"
)

// Sender is what the sender book says of one sending system, device or user.
type Sender struct {
	Name     string     `json:"name"` // SystemOf
	Channel  Channel    `json:"channel"`
	State    book.State `json:"state"`
	Accepted bool       `json:"accepted,omitempty"` // by a person
	LastOld  time.Time  `json:"last_old,omitzero"`  // on the old side
	LastNew  time.Time  `json:"last_new,omitzero"`  // on the new one
	Recent   int        `json:"recent"`             // uses of the old side in the last 7 days
	Uses     int        `json:"uses"`               // that are known, on both sides
	Rhythm   string     `json:"rhythm"`             // for people: daily, monthly, …
	Due      time.Time  `json:"due,omitzero"`       // when the next is to be expected, by the middle of the gaps between the last ones
	Chance   float64    `json:"chance"`             // that it uses the old side within the horizon; 0 where nobody's past is known
	Why      string     `json:"why"`
	Help     string     `json:"help,omitempty"`
}

// openFrom is from which chance on one who was seen on the new side, or on neither, is worth a question.
const openFrom = 0.0005

// Open tells whether something can be done about somebody: he was seen on the old side since the switch and not on the new one since, or he may still come, and
// nobody accepted that.
func (s Sender) Open() bool {
	return !s.Accepted && (s.State == book.Stale || s.Chance >= openFrom)
}

// Called tells whether a name is his: that of his system, of a host of it, or a domain that it belongs to.
func (s Sender) Called(name string) bool { return accept([]string{name}).has(s.Name, s.Name) }

// Senders lists everybody whom the policy's book knows, the likeliest to come first.
func Senders(p Policy, t Testimony, now time.Time) []Sender {
	j := newJudgement(p, t, now)
	f := foresee(j)
	var senders []Sender
	for i := range f.pages {
		pg := &f.pages[i]
		forecast := pg.book.Look(now, f.horizon)
		for _, s := range forecast.Shares {
			senders = append(senders, pg.sender(s, f.known, now))
		}
		if f.known && pg.channel == Arriving && !t.switched.IsZero() {
			senders = append(senders, newcomers(forecast.Others, !f.others))
		}
	}
	slices.SortStableFunc(senders, func(a, b Sender) int {
		return cmp.Or(cmp.Compare(b.Chance, a.Chance), b.LastOld.Compare(a.LastOld), cmp.Compare(a.Name, b.Name))
	})
	return senders
}

// newcomers are those who were never seen, in one line.
func newcomers(o book.Others, accepted bool) Sender {
	s := Sender{Name: Newcomers, Channel: Arriving, State: book.Unseen, Accepted: accepted, Chance: o.Chance, Why: whoWasNew(o), Help: newcomersHelp}
	if accepted {
		s.Help = ""
	}
	return s
}

func (pg *page) sender(s book.Share, known bool, now time.Time) Sender {
	e := pg.book.Entries[s.Index]
	r := Sender{
		Name: pg.names[s.Index], Channel: pg.channel, State: s.State, Accepted: pg.allowed[s.Index], LastOld: e.LastOld, LastNew: e.LastNew,
		Recent: e.Old.From(book.DayOf(now.Add(-7 * day))).Total(), Uses: s.Uses, Rhythm: Rhythm(s),
	}
	if known {
		r.Chance = s.Chance
	}
	if last := later(e.LastOld, e.LastNew); s.Interval > 0 {
		r.Due = last.Add(time.Duration(s.Interval * float64(day))).Truncate(day)
	}
	r.Why, r.Help = why(r, now)
	return r
}

// why somebody is still here, and what to do.
func why(s Sender, now time.Time) (text, help string) {
	switch {
	case s.Accepted:
		return "accepted", ""
	case s.State == book.Switched && s.Chance < openFrom:
		return "has moved", ""
	case s.State == book.Switched:
		return "has moved, and one of several machines perhaps not", "write to its postmaster"
	case s.State == book.Unseen && s.Due.After(now):
		return s.Rhythm + "; due " + s.Due.Format("2 Jan"), "wait, or ask for a test message"
	case s.State == book.Unseen:
		return s.Rhythm + "; not seen since the switch", "ask for a test message"
	case s.Channel == Sending:
		return "address set in the device", remedies[Sending]
	case s.Channel == Login:
		return "old account in a mail program", remedies[Login]
	}
	return "old MX held in its DNS, or written into its system", "write to its postmaster"
}
