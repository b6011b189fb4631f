package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"posthouse/internal/testserver"
)

// Comparison is what an item by item reading of both servers found, held against the book.
type Comparison struct {
	// Messages is how many the new mailboxes must hold.
	Messages int `json:"messages"`
	Events   int `json:"events"`
	Contacts int `json:"contacts"`
	Missing  int `json:"missing"`
	Twice    int `json:"twice"`
	// Changed counts messages with other octets, flags or dates than they had, on either side, and events and contacts that say something else.
	Changed int `json:"changed"`
	// Invitations is how many invitations and replies the servers of calendars would have sent.
	Invitations int `json:"invitations"`
	// Findings names what was found, the first of each kind.
	Findings []string `json:"findings,omitempty"`
}

// Clean tells that nothing was found.
func (c Comparison) Clean() bool {
	return c.Missing == 0 && c.Twice == 0 && c.Changed == 0 && c.Invitations == 0
}

// named is how many findings of each kind are named.
const named = 10

// compare reads both servers and holds them against the book. It knows nothing of posthouse but the two header fields that it may write.
func compare(b *book, legacy, cloud *testserver.IMAP, mailboxes []string) (Comparison, error) {
	var old, new []item
	for _, m := range mailboxes {
		l, err := readMailbox(legacy, m)
		if err != nil {
			return Comparison{}, fmt.Errorf("the old server: %w", err)
		}
		c, err := readMailbox(cloud, m)
		if err != nil {
			return Comparison{}, fmt.Errorf("the new server: %w", err)
		}
		old, new = append(old, l...), append(new, c...)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := comparison{book: b, result: Comparison{Messages: b.total}}
	c.counts(b.want, new)
	c.untouched(old)
	c.attributes(old, new)
	return c.result, nil
}

// comparison is one under way; the book is locked.
type comparison struct {
	book   *book
	result Comparison
}

func (c *comparison) name(count *int, format string, args ...any) {
	if *count++; *count <= named {
		c.result.Findings = append(c.result.Findings, fmt.Sprintf(format, args...))
	}
}

// counts holds what lies in the new mailboxes against what must: each message as often as it should, in its folder.
func (c *comparison) counts(want map[spot]int, new []item) {
	got := map[spot]int{}
	elsewhere := map[core]item{}
	for _, i := range new {
		got[i.spot()]++
		elsewhere[i.core] = i
		if c.book.about[i.core] == "" {
			c.name(&c.result.Changed, "changed: %s is no message that anybody sent", i)
		}
	}
	for _, at := range sorted(want) {
		for range want[at] - got[at] {
			c.name(&c.result.Missing, "missing: %s %s, %s%s", at.mailbox, at.folder, c.book.about[at.core], also(elsewhere, at))
		}
	}
	for _, at := range sorted(got) {
		if c.book.about[at.core] == "" {
			continue
		}
		for range got[at] - want[at] {
			c.name(&c.result.Twice, "twice: %s %s, %s", at.mailbox, at.folder, c.book.about[at.core])
		}
	}
}

// also says where else a missing message lies.
func also(elsewhere map[core]item, at spot) string {
	if i, ok := elsewhere[at.core]; ok {
		return "; a copy is " + i.String()
	}
	return ""
}

// untouched demands that the old mailboxes hold what was put there, and nothing twice that posthouse brought.
func (c *comparison) untouched(old []item) {
	got := map[spot]int{}
	for _, i := range old {
		got[i.spot()]++
		if c.book.about[i.core] == "" {
			c.name(&c.result.Changed, "changed: %s on the old server is no message that anybody sent", i)
		}
	}
	for _, at := range sorted(c.book.lies) {
		if got[at] < c.book.lies[at] {
			c.name(&c.result.Changed, "changed: %s %s, %s, is no longer on the old server", at.mailbox, at.folder, c.book.about[at.core])
		}
	}
	for _, at := range sorted(got) {
		if c.book.about[at.core] == "" {
			continue
		}
		for range got[at] - c.book.want[at] {
			c.name(&c.result.Twice, "twice on the old server: %s %s, %s", at.mailbox, at.folder, c.book.about[at.core])
		}
	}
}

// attributes demands that copies have their originals' flags and dates. A message that reached both sides by itself has none to compare.
func (c *comparison) attributes(old, new []item) {
	type place struct {
		mailbox, folder string
		octets          [32]byte
	}
	copies := map[place][]item{}
	for _, i := range new {
		at := place{i.mailbox, i.folder, i.octets}
		copies[at] = append(copies[at], i)
	}
	for _, i := range old {
		at := place{i.mailbox, i.folder, i.octets}
		if len(copies[at]) == 0 {
			continue
		}
		k := max(0, slices.IndexFunc(copies[at], i.like))
		if other := copies[at][k]; !i.like(other) {
			c.name(&c.result.Changed, "changed: %s has %q, %s; its copy UID %d has %q, %s", i, i.flags, i.date.UTC(), other.uid, other.flags, other.date.UTC())
		}
		copies[at] = slices.Delete(copies[at], k, k+1)
	}
}

func (i item) like(other item) bool { return i.flags == other.flags && i.date.Equal(other.date) }

// sorted puts spots into an order that does not change from run to run.
func sorted(m map[spot]int) []spot {
	return slices.SortedFunc(maps.Keys(m), func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.mailbox, b.mailbox), cmp.Compare(a.folder, b.folder), slices.Compare(a.core[:], b.core[:]))
	})
}
