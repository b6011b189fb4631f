package storetest

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// putAll puts items and returns their outcomes; each must be told exactly once.
func (s *suite) putAll(f cutover.Folder, items iter.Seq[bridge.PutItem]) map[int]bridge.Outcome {
	s.Helper()
	outcomes := map[int]bridge.Outcome{}
	s.ok(s.store.Put(s.ctx, f, items, func(o bridge.Outcome) {
		if _, twice := outcomes[o.ID]; twice {
			s.Errorf("outcome of %d was told twice", o.ID)
		}
		outcomes[o.ID] = o
	}))
	return outcomes
}

func (s *suite) putItem(n int) bridge.PutItem {
	m := s.message(n)
	return bridge.PutItem{ID: n, Date: m.Date, Content: content{raw: m.Raw}}
}

func (s *suite) putItems(first, last int) iter.Seq[bridge.PutItem] {
	return func(yield func(bridge.PutItem) bool) {
		for n := first; n <= last; n++ {
			if !yield(s.putItem(n)) {
				return
			}
		}
	}
}

// stored lists a folder's items by reference.
func (s *suite) stored(f cutover.Folder) map[cutover.Ref]cutover.Item {
	s.Helper()
	items := map[cutover.Ref]cutover.Item{}
	for item, err := range s.store.Scan(s.ctx, f, "") {
		s.ok(err)
		items[item.Ref] = item
	}
	return items
}

// put: dates, flags and octets arrive as they are, whatever the body is.
func (s *suite) put() {
	if s.Kind.Objects() {
		s.putOdd()
		return
	}
	flags := []cutover.Flags{nil, {`\Seen`}, {`\Answered`, `\Flagged`, `\Seen`}, {`\Draft`}, {`\Deleted`}}
	if s.Keywords {
		flags = append(flags, cutover.NewFlags(`\Seen`, "$Forwarded", "Work"))
	}
	var items []bridge.PutItem
	for _, raw := range s.odd() {
		n := len(items)
		items = append(items, bridge.PutItem{ID: n, Flags: flags[n%len(flags)], Date: day(n), Content: content{raw: raw}})
	}
	outcomes := s.putAll(s.inbox, slices.Values(items))
	if len(outcomes) != len(items) {
		s.Fatalf("%d outcomes for %d items", len(outcomes), len(items))
	}
	stored := s.stored(s.inbox)
	bodies := s.fetch(s.inbox, slices.Collect(maps.Keys(stored))...)
	for _, item := range items {
		s.ok(outcomes[item.ID].Err)
		s.checkPut(item, outcomes[item.ID].Place, stored, bodies)
	}
}

func (s *suite) checkPut(item bridge.PutItem, place ledger.Place, stored map[cutover.Ref]cutover.Item, bodies map[cutover.Ref][]byte) {
	s.Helper()
	want := s.read(item.Content)
	if s.Places != (place.Ref != "") {
		s.Errorf("place %+v is told, want %v", place, s.Places)
	}
	for ref, raw := range bodies {
		if !bytes.Equal(raw, want) {
			continue
		}
		have := stored[ref]
		if s.Places && place.Ref != ref {
			s.Errorf("item %d lies at %s, and was said to lie at %s", item.ID, ref, place.Ref)
		}
		if !have.Flags.Equal(cutover.NewFlags(item.Flags...)) {
			s.Errorf("item %d has flags %v, want %v", item.ID, have.Flags, item.Flags)
		}
		if _, offset := have.Date.Zone(); !have.Date.Equal(item.Date) || s.Zones && offset != 5*3600+1800 {
			s.Errorf("item %d has date %s, want %s", item.ID, have.Date, item.Date)
		}
		return
	}
	s.Errorf("item %d is not stored as it was: %.200q", item.ID, want)
}

func (s *suite) putMany() {
	const count = 350
	outcomes := s.putAll(s.inbox, s.putItems(1, count))
	for n := 1; n <= count; n++ {
		s.ok(outcomes[n].Err)
	}
	stored := s.stored(s.inbox)
	if len(outcomes) != count || len(stored) != count {
		s.Fatalf("%d outcomes and %d items stored, want %d", len(outcomes), len(stored), count)
	}
	for n := 1; n <= count && s.Places; n++ {
		if id := stored[outcomes[n].Place.Ref].Identity; id.Key != s.identity(n).Key {
			s.Fatalf("item %d does not lie at %s", n, outcomes[n].Place.Ref)
		}
	}
	more := s.putAll(s.inbox, s.putItems(count+1, count+1))
	if err := more[count+1].Err; err != nil || len(more) != 1 {
		s.Errorf("a second put: %d outcomes, %v", len(more), err)
	}
}

// putInStep: the sequence yields the next item when the outcome of the last one is known.
func (s *suite) putInStep() {
	told := make(chan int, 1)
	items := func(yield func(bridge.PutItem) bool) {
		for n := 1; n <= 5; n++ {
			if !yield(s.putItem(n)) {
				return
			}
			select {
			case <-told:
			case <-s.ctx.Done():
				return
			}
		}
	}
	s.ok(s.store.Put(s.ctx, s.inbox, items, func(o bridge.Outcome) { told <- o.ID }))
	if got := len(s.refs(s.inbox)); got != 5 {
		s.Errorf("%d items stored, want 5", got)
	}
}

func (s *suite) putNothing() {
	if outcomes := s.putAll(s.inbox, s.putItems(1, 0)); len(outcomes) != 0 {
		s.Errorf("outcomes of nothing: %v", outcomes)
	}
}

// putBadContent: a body that is shorter or longer than it says is not stored, padded or cut; the others are.
func (s *suite) putBadContent() {
	for _, claimed := range []int64{10, 1 << 20} {
		bad := s.putItem(2)
		bad.Content = content{raw: s.message(2).Raw, claimed: claimed}
		outcomes := map[int]error{}
		err := s.store.Put(s.ctx, s.inbox, slices.Values([]bridge.PutItem{s.putItem(1), bad, s.putItem(3)}), func(o bridge.Outcome) { outcomes[o.ID] = o.Err })
		if told, ok := outcomes[2]; ok && told == nil || !ok && err == nil {
			s.Errorf("a body of another length than %d was put: %v, %v", claimed, outcomes, err)
		}
	}
	for _, item := range s.stored(s.inbox) {
		if item.Identity.Key == s.identity(2).Key {
			s.Errorf("a body of the wrong length was stored: %+v", item)
		}
	}
}

// move: items lie in the other folder with all that they had, and in the first no more; those that are gone are not told of.
// delete: what is as it is known goes, all else stays.
func (s *suite) delete() {
	deleter, can := s.store.(bridge.Deleter)
	if !can {
		return
	}
	s.deliver(1, 5)
	refs, before := s.refs(s.inbox), s.stored(s.inbox)
	versions := map[cutover.Ref]string{refs[0]: before[refs[0]].Version, refs[1]: `"another"`, refs[2]: "", refs[3]: before[refs[3]].Version}
	s.box.Remove(s.T, s.inbox.Path, refs[3])
	if s.Kind.Objects() {
		s.box.(Changer).Change(s.T, s.inbox.Path, refs[4], s.object(s.which(before[refs[4]], 5), "by its owner"))
		versions[refs[4]] = before[refs[4]].Version
	}
	outcomes, err := deleter.Delete(s.ctx, s.inbox, versions)
	s.ok(err)
	for i, ref := range refs {
		stays := i == 1 || i == 2 || i == 4
		if err, told := outcomes[ref]; told != (versions[ref] != "" || i == 2) || told && stays != errors.Is(err, bridge.ErrChanged) || !stays && err != nil {
			s.Errorf("item %d: told %v, %v", i, told, err)
		}
	}
	if left := s.refs(s.inbox); !slices.Equal(left, []cutover.Ref{refs[1], refs[2], refs[4]}) {
		s.Errorf("of %v are left %v", refs, left)
	}
	if _, err := deleter.Delete(s.ctx, cutover.Folder{Path: cutover.FolderPath{"nowhere"}, Name: "nowhere", Kind: s.Kind}, versions); err == nil {
		s.Error("items were deleted where no folder is")
	}
}

func (s *suite) move() {
	mover, can := s.store.(bridge.Mover)
	if !can {
		return
	}
	other, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: cutover.FolderPath{"Elsewhere"}, Kind: s.Kind})
	s.ok(err)
	s.deliver(1, 4)
	refs := s.refs(s.inbox)
	before := s.stored(s.inbox)
	s.box.Remove(s.T, s.inbox.Path, refs[2])
	places, err := mover.Move(s.ctx, s.inbox, refs[1:3], other)
	if errors.Is(err, bridge.ErrUnsupported) {
		if len(s.refs(s.inbox)) != 3 || len(s.refs(other)) != 0 {
			s.Error("something was moved all the same")
		}
		return
	}
	s.ok(err)
	after := s.stored(other)
	if len(places) != 1 || len(after) != 1 || !slices.Equal(s.refs(s.inbox), []cutover.Ref{refs[0], refs[3]}) {
		s.Fatalf("told %v, the other folder has %v, the first %v", places, after, s.refs(s.inbox))
	}
	for ref, item := range after {
		if place := places[refs[1]]; s.Places != (place.Ref != "") || s.Places && place.Ref != ref {
			s.Errorf("told %+v, it lies at %s", place, ref)
		}
		if was := before[refs[1]]; item.Identity.Match() != was.Identity.Match() || !item.Flags.Equal(was.Flags) || !item.Date.Equal(was.Date) {
			s.Errorf("it was %+v and is %+v", was, item)
		}
	}
}
