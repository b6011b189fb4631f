package evidence

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
)

// Days is how many days a histogram remembers.
const Days = 28

// UseKey tells uses apart. Source is part of it because the verdicts ask at which door somebody knocked: mail that arrives at our listener
// does not keep the old mailbox server running.
type UseKey struct {
	Channel Channel `json:"channel"`
	Source  string  `json:"source"`
	Sender  string  `json:"sender"` // in lower case
}

// Use is what one sender, device or user did by one channel, as one source saw it. It is a plain value.
type Use struct {
	UseKey
	First    time.Time `json:"first"`    // of all observations
	Last     time.Time `json:"last"`     // of all observations; the end, for a session that ended
	LastUse  time.Time `json:"last_use"` // of wanted observations only; zero if there was none
	Wanted   int       `json:"wanted"`   // observations; a session counts once
	Unwanted int       `json:"unwanted"`
	Recent   Histogram `json:"recent"`
	By       []UseBy   `json:"by,omitempty"` // of wanted observations: a host may serve several organisations

	// Of the latest observation:
	From    string            `json:"from,omitempty"`
	System  string            `json:"system,omitempty"` // SystemOf
	Mailbox cutover.MailboxID `json:"mailbox,omitempty"`
	Client  netip.Addr        `json:"client,omitzero"`
	Detail  string            `json:"detail,omitempty"`
}

// UseBy is when a system used a host last.
type UseBy struct {
	System string    `json:"system"` // SystemOf
	Last   time.Time `json:"last"`
}

// usedBy is how many systems of one host are told apart. Of one that has more nobody can be accepted but the host.
const usedBy = 64

// by notes a use of one system. The slice may be another Use's: it is never written to.
func (u *Use) by(system string, at time.Time) {
	if len(u.By) == 1 && u.By[0].System == Others {
		system = Others
	}
	i, known := slices.BinarySearchFunc(u.By, system, func(b UseBy, system string) int { return cmp.Compare(b.System, system) })
	switch {
	case known && !at.After(u.By[i].Last):
	case known:
		u.By = slices.Clone(u.By)
		u.By[i].Last = at
	case len(u.By) == usedBy:
		u.By = []UseBy{{Others, u.LastUse}}
	default:
		u.By = slices.Insert(slices.Clone(u.By), i, UseBy{system, at})
	}
}

// Histogram counts the wanted and unwanted observations of the last days, by UTC day. Older ones are forgotten.
type Histogram struct {
	Day      int64        `json:"day"`      // days since 1 January 1970 of the newest counted day
	Wanted   [Days]uint32 `json:"wanted"`   // [0] is Day, [1] the day before, …
	Unwanted [Days]uint32 `json:"unwanted"` // likewise
}

func (h *Histogram) add(at time.Time, class Class) {
	day := dayOf(at)
	if h.empty() {
		h.Day = day
	}
	if shift := day - h.Day; shift > 0 {
		h.shift(shift)
		h.Day = day
	}
	back := h.Day - day
	switch {
	case back >= Days:
	case class == Wanted:
		h.Wanted[back]++
	default:
		h.Unwanted[back]++
	}
}

func (h *Histogram) empty() bool { return *h == Histogram{Day: h.Day} }

func (h *Histogram) shift(days int64) {
	wanted, unwanted := h.Wanted, h.Unwanted
	h.Wanted, h.Unwanted = [Days]uint32{}, [Days]uint32{}
	if days < Days {
		copy(h.Wanted[days:], wanted[:])
		copy(h.Unwanted[days:], unwanted[:])
	}
}

func dayOf(at time.Time) int64 {
	const day = 24 * 60 * 60
	seconds := at.Unix()
	if seconds < 0 {
		return (seconds - day + 1) / day
	}
	return seconds / day
}

// add counts one observation. counted is false for the second half of a session that was counted already.
func (u *Use) add(o Observation, counted bool) {
	end := endOf(o)
	if u.First.IsZero() || o.At.Before(u.First) {
		u.First = o.At
	}
	if o.Class == Wanted {
		u.LastUse = later(u.LastUse, end)
		u.by(SystemOf(o), end)
	}
	if u.describes(o, end) {
		u.From, u.System, u.Mailbox, u.Client, u.Detail = o.From, SystemOf(o), o.Mailbox, o.Client, o.Detail
	}
	u.Last = later(u.Last, end)
	if !counted {
		return
	}
	u.Recent.add(o.At, o.Class)
	if o.Class == Wanted {
		u.Wanted++
	} else {
		u.Unwanted++
	}
}

// describes tells whether the observation is the latest. Equal times are decided by content, so that the order of folding does not matter.
func (u *Use) describes(o Observation, end time.Time) bool {
	if !end.Equal(u.Last) {
		return end.After(u.Last)
	}
	return cmp.Or(
		cmp.Compare(o.From, u.From),
		cmp.Compare(o.Mailbox, u.Mailbox),
		o.Client.Compare(u.Client),
		cmp.Compare(o.Detail, u.Detail),
	) > 0
}

func endOf(o Observation) time.Time { return later(o.At, o.Until) }

// keyOf names the use an observation belongs to. Who cannot be named is named by what else is known.
func keyOf(o Observation) UseKey {
	sender := strings.ToLower(o.Sender)
	switch {
	case sender != "":
	case o.Client.IsValid():
		sender = o.Client.Unmap().String()
	case o.From != "":
		sender = strings.ToLower(o.From)
	default:
		sender = "unknown"
	}
	return UseKey{Channel: o.Channel, Source: o.Source, Sender: sender}
}
