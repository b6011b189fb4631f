package storetest

import (
	"fmt"
	"maps"
	"slices"

	"posthouse/cutover"
)

// tail: what is put after State lies at or after its tail, and a scan from there finds it and nothing from before.
func (s *suite) tail() {
	s.deliver(1, 3)
	before, err := s.store.State(s.ctx, s.inbox)
	s.ok(err)
	s.putAll(s.inbox, s.putItems(4, 5))
	var found []int
	for item, err := range s.store.Scan(s.ctx, s.inbox, before.Tail) {
		s.ok(err)
		found = append(found, s.which(item, 5))
	}
	slices.Sort(found)
	if s.Tails {
		s.equal("scan from the tail", found, []int{4, 5})
	}
	after, err := s.store.State(s.ctx, s.inbox)
	s.ok(err)
	if before.Items != 3 || after.Items != 5 || after.Validity != before.Validity {
		s.Errorf("state before %+v, after %+v", before, after)
	}
	for item, err := range s.store.Scan(s.ctx, s.inbox, after.Tail) {
		if !s.Tails {
			break
		}
		s.Errorf("beyond the tail: %+v, %v", item, err)
	}
}

func (s *suite) scan() {
	count := s.Batch*2 + 1
	s.deliver(1, count)
	var found []int
	var refs []cutover.Ref
	for item, err := range s.store.Scan(s.ctx, s.inbox, "") {
		s.ok(err)
		found, refs = append(found, s.which(item, count)), append(refs, item.Ref)
		if len(found) == 1 {
			_, err := s.store.State(s.ctx, s.inbox) // other methods work meanwhile
			s.ok(err)
		}
	}
	slices.Reverse(found)
	if s.Kind.Objects() && !s.ByArrival {
		slices.Reverse(found)
	}
	s.equal("all, by arrival", found, falling(count, 1))
	found = nil
	for item, err := range s.store.Scan(s.ctx, s.inbox, refs[count-2]) {
		if s.Kind.Objects() {
			return // by name nothing is the last
		}
		s.ok(err)
		found = append(found, s.which(item, count))
	}
	s.equal("the last two", found, []int{count - 1, count})
	for range s.store.Scan(s.ctx, s.inbox, "") {
		break // and it can be left
	}
}

func (s *suite) search() {
	const count = 25
	s.deliver(1, count)
	trace := cutover.NewTrace([]byte("key"), "01JD9F3K7Q0000000000000000")
	raw := slices.Concat([]byte(fmt.Sprintf("%s: %s\r\n", cutover.TraceField, trace)), s.message(count+1).Raw)
	s.box.Deliver(s.T, s.inbox.Path, Message{Raw: raw, Date: day(1)})
	missing := cutover.IdentityOf([]byte("Message-ID: <never@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n\r\n"))
	wanted := []cutover.Identity{s.identity(3), s.identity(20), missing, {Trace: trace}}
	found := map[int]bool{}
	for item, err := range s.store.Search(s.ctx, s.inbox, wanted) {
		s.ok(err)
		found[s.which(item, count+1)] = true
		if body := s.fetch(s.inbox, item.Ref)[item.Ref]; len(body) == 0 { // while more is yielded
			s.Errorf("%s cannot be read while others are yielded", item.Ref)
		}
	}
	if !found[3] || !found[20] || !found[count+1] || s.Search && len(found) != 3 {
		s.Errorf("found %v", found)
	}
	for item, err := range s.store.Search(s.ctx, s.inbox, []cutover.Identity{missing}) {
		if s.Search || err != nil {
			s.Errorf("found what is not there: %+v, %v", item, err)
		}
	}
	loose := cutover.IdentityOf([]byte("Date: Mon, 2 Nov 2026 10:00:00 +0100\r\nFrom: a@example.com\r\n\r\n"))
	all := 0
	for _, err := range s.store.Search(s.ctx, s.inbox, []cutover.Identity{loose}) {
		s.ok(err)
		all++
	}
	if all != count+1 {
		s.Errorf("something without Message-ID may be any of %d items, yielded %d", count+1, all)
	}
}

func (s *suite) flags() {
	s.deliver(1, 3)
	refs := s.refs(s.inbox)
	want := map[cutover.Ref]cutover.Flags{
		refs[0]: {`\Flagged`, `\Seen`},
		refs[1]: {`\Flagged`, `\Seen`},
		refs[2]: {},
		nobody:  {`\Seen`},
	}
	if s.Keywords {
		want[refs[2]] = cutover.NewFlags("Work")
	}
	set, err := s.store.SetFlags(s.ctx, s.inbox, want)
	s.ok(err)
	delete(want, nobody)
	s.sameFlags("set", set, want)
	have, err := s.store.Flags(s.ctx, s.inbox, append(refs, nobody))
	s.ok(err)
	s.sameFlags("read back", have, want)
	cleared, err := s.store.SetFlags(s.ctx, s.inbox, map[cutover.Ref]cutover.Flags{refs[0]: nil})
	s.ok(err)
	s.sameFlags("cleared", cleared, map[cutover.Ref]cutover.Flags{refs[0]: nil})
}

func (s *suite) sameFlags(what string, got, want map[cutover.Ref]cutover.Flags) {
	s.Helper()
	if !maps.EqualFunc(got, want, cutover.Flags.Equal) {
		s.Errorf("%s: %v, want %v", what, got, want)
	}
}
