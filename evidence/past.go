package evidence

import (
	"cmp"
	"hash/fnv"
	"maps"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"posthouse/evidence/book"
)

// PastSource is the source of what lies in the old mailboxes.
const PastSource = "old mailboxes" // no name that a configuration can give

// pastSystems is how many systems a Past tells apart: those who wrote in former times must leave room for those who write now.
const pastSystems = tracksKept / 2

// Past is who wrote what on which day, as the messages tell that lie in old mailboxes. It is a set: a message that is found again, in another folder or mailbox, counts once.
// By system it holds rising marks, of a day and a message.
type Past map[string][]int64

// mark is the day, and 32 bits of a hash of what names the message.
func mark(day int32, message string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(message))
	return int64(day)<<32 | int64(h.Sum32())
}

func dayOfMark(m int64) int32 { return int32(m >> 32) }

// Note adds a message of a system.
func (p Past) Note(system string, at time.Time, message string) {
	m := mark(book.DayOf(at), message)
	if i, found := slices.BinarySearch(p[system], m); !found {
		p[system] = slices.Insert(p[system], i, m)
	}
}

// Since leaves out the days before.
func (p Past) Since(at time.Time) {
	first := int64(book.DayOf(at)) << 32
	maps.DeleteFunc(p, func(system string, marks []int64) bool {
		i, _ := slices.BinarySearch(marks, first)
		p[system] = marks[i:]
		return i == len(marks)
	})
}

// Join adds what another knows, and returns what is new by that.
func (p Past) Join(other Past) (news []Tally) {
	for _, system := range slices.Sorted(maps.Keys(other)) {
		fresh := slices.DeleteFunc(slices.Clone(other[system]), func(m int64) bool {
			_, known := slices.BinarySearch(p[system], m)
			return known
		})
		if len(fresh) > 0 {
			p[system] = merged(p[system], fresh)
			news = append(news, tallies(system, fresh)...)
		}
	}
	return news
}

// merged puts rising marks among others: most senders write much, and little of it is new at a time.
func merged(a, b []int64) []int64 {
	all := make([]int64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		from := &a
		if b[0] < a[0] {
			from = &b
		}
		all, *from = append(all, (*from)[0]), (*from)[1:]
	}
	return append(append(all, a...), b...)
}

// Tallies are all that it knows. Where there are too many systems, those are left out that wrote least.
func (p Past) Tallies() (all []Tally) {
	systems := slices.SortedFunc(maps.Keys(p), func(a, b string) int { return cmp.Or(len(p[b])-len(p[a]), cmp.Compare(a, b)) })
	for _, system := range systems[:min(len(systems), pastSystems)] {
		all = append(all, tallies(system, p[system])...)
	}
	return all
}

// tallies counts rising marks by day. The hour is not kept: it says that the day began, so that nothing seems to have come after a switch later on that day.
func tallies(system string, marks []int64) (all []Tally) {
	for i, m := range marks {
		if on := dayOfMark(m); i == 0 || on != dayOfMark(marks[i-1]) {
			all = append(all, Tally{TrackKey: TrackKey{Arriving, PastSource, system}, Class: Known, Last: book.Noon(on).Add(-day / 2)})
		}
		all[len(all)-1].N++
	}
	return all
}

// Messages is how many it knows.
func (p Past) Messages() (n int) {
	for _, marks := range p {
		n += len(marks)
	}
	return n
}

// Writer names the system that sent a message which lies in an old mailbox, as listeners and logs would have named it. It is "" where the header does not tell, and for mail of the house: what bears an address of
// its domains as sender, or comes from a host of them.
func Writer(header []byte, domains []string) string {
	sender, client, from, ok := Origin(header)
	host, _ := hostOf(sender)
	if !ok || within(host, domains) || within(strings.ToLower(from[strings.LastIndexByte(from, '@')+1:]), domains) {
		return ""
	}
	if client.IsValid() && (client.IsPrivate() || client.IsLoopback()) { // of the old server's own network
		return ""
	}
	return SystemOf(Observation{Channel: Arriving, Sender: sender, Client: client, From: from})
}

// within tells whether a name is one of the domains, or below one.
func within(name string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		d = strings.ToLower(d)
		return name == d || strings.HasSuffix(name, "."+d)
	})
}

// Arrived is when a message came: by the server that put it into the mailbox, as far as it tells so, else when it was put there. Whoever moves a whole mailbox puts everything there on one day.
func Arrived(header []byte, put time.Time) time.Time {
	for _, field := range unfold(header) {
		name, value, _ := strings.Cut(field, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "Received") {
			continue
		}
		at, err := netmail.ParseDate(strings.TrimSpace(value[strings.LastIndexByte(value, ';')+1:]))
		if err == nil && (put.IsZero() || at.Before(put)) {
			return at.UTC()
		}
		break
	}
	return put.UTC()
}
