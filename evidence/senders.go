package evidence

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthouse/evidence/book"
)

// Sender is what the sender book says of one sending system, device or user.
type Sender struct {
	Name     string     `json:"name"`              // SystemOf
	Hosts    []string   `json:"hosts,omitempty"`   // by which it came of late, as reasons name it
	Clients  []string   `json:"clients,omitempty"` // the addresses from which it came last, by each host and as each source tells
	Channel  Channel    `json:"channel"`
	State    book.State `json:"state"`
	Accepted bool       `json:"accepted,omitempty"` // by a person
	LastOld  time.Time  `json:"last_old,omitzero"`  // on the old side
	LastNew  time.Time  `json:"last_new,omitzero"`  // on the new one
	Recent   int        `json:"recent"`             // uses of the old side today and on the 6 days before, by UTC
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
func (s Sender) Called(name string) bool { return s.Stands(name) || s.CameBy(name) }

// Stands tells whether a name stands for him wherever one is accepted.
func (s Sender) Stands(name string) bool { return accept([]string{name}).has(s.Name, s.Name) }

// CameBy tells whether a name is that of a host by which he came, which may be another organisation's.
func (s Sender) CameBy(name string) bool {
	return slices.Contains(s.Hosts, strings.ToLower(strings.TrimSpace(name)))
}

// CameFrom tells whether an address is one from which he came. Several may share one.
func (s Sender) CameFrom(client netip.Addr) bool {
	return slices.Contains(s.Clients, client.Unmap().String())
}

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
	t.whereabouts(senders)
	slices.SortStableFunc(senders, func(a, b Sender) int {
		return cmp.Or(cmp.Compare(b.Chance, a.Chance), b.LastOld.Compare(a.LastOld), cmp.Compare(a.Name, b.Name))
	})
	return senders
}

// newcomers are those who were never seen, in one line.
func newcomers(o book.Others, accepted bool) Sender {
	s := Sender{Name: Newcomers, Channel: Arriving, State: book.Unseen, Accepted: accepted, Chance: o.Chance, Why: newWhy(o), Help: newcomersHelp}
	if accepted {
		s.Help = ""
	}
	return s
}

// newWhy is whoWasNew in as few words as a column takes.
func newWhy(o book.Others) string {
	if o.All == 0 {
		return whoWasNew(o)
	}
	return fmt.Sprintf("%d of %d new ones used the old side", o.Old, o.All)
}

// hostsShown is how many hosts, and how many addresses, of a system are named.
const hostsShown = 10

// whereabouts adds by which hosts each came of late, and from which address by each of them, the latest first.
func (t Testimony) whereabouts(senders []Sender) {
	type seat struct {
		channel Channel
		name    string
	}
	of := make(map[seat][]*Sender, len(senders))
	for i := range senders {
		s := &senders[i]
		of[seat{s.Channel, s.Name}] = append(of[seat{s.Channel, s.Name}], s)
	}
	for _, u := range t.Uses() {
		if u.LastUse.IsZero() {
			continue
		}
		for _, s := range of[seat{u.Channel, u.System}] {
			if u.Channel == Arriving && u.Sender != u.System {
				s.Hosts = noted(s.Hosts, u.Sender)
			}
			if u.Client.IsValid() {
				s.Clients = noted(s.Clients, u.Client.Unmap().String())
			}
		}
	}
}

func noted(known []string, one string) []string {
	if len(known) == hostsShown || slices.Contains(known, one) {
		return known
	}
	return append(known, one)
}

func (pg *page) sender(s book.Share, known bool, now time.Time) Sender {
	e := pg.book.Entries[s.Index]
	r := Sender{
		Name: pg.names[s.Index], Channel: pg.channel, State: s.State, Accepted: pg.allowed[s.Index], LastOld: e.LastOld, LastNew: e.LastNew,
		Recent: e.Old.From(book.DayOf(now.Add(-6 * day))).Total(), Uses: s.Uses, Rhythm: Rhythm(s),
	}
	if known {
		r.Chance = s.Chance
	}
	if last := later(e.LastOld, e.LastNew); s.Interval > 0 {
		r.Due = last.Add(time.Duration(s.Interval * float64(day))).Truncate(day)
	}
	r.Why, r.Help = why(r, !pg.book.Switched.IsZero(), now)
	return r
}

// why somebody is still here, in the 40 columns that commands have for it, and what to do. Before the switch it is right to come by the old MX.
func why(s Sender, switched bool, now time.Time) (text, help string) {
	switch {
	case s.Accepted:
		return "accepted", ""
	case s.State == book.Switched && s.Chance < openFrom:
		return "has moved", ""
	case s.State == book.Switched:
		return "moved, but for one machine perhaps", "write to its postmaster"
	case s.State == book.Unseen && s.Due.After(now):
		return s.Rhythm + "; due " + s.Due.Format("2 Jan"), "wait, or ask for a test message"
	case s.State == book.Unseen:
		return s.Rhythm + "; not since the switch", "ask for a test message"
	case s.Channel == Sending:
		return "address set in the device", remedies[Sending]
	case s.Channel == Login:
		return "old account in a mail program", remedies[Login]
	case !switched:
		return "MX record not known to be switched", ""
	}
	return "old MX held in its DNS, or set by hand", "write to its postmaster"
}
