package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

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

func putItem(n int) bridge.PutItem {
	m := message(n)
	return bridge.PutItem{ID: n, Date: m.Date, Content: content{raw: m.Raw}}
}

func putItems(first, last int) iter.Seq[bridge.PutItem] {
	return func(yield func(bridge.PutItem) bool) {
		for n := first; n <= last; n++ {
			if !yield(putItem(n)) {
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
	flags := []cutover.Flags{nil, {`\Seen`}, {`\Answered`, `\Flagged`, `\Seen`}, {`\Draft`}, {`\Deleted`}}
	if s.Keywords {
		flags = append(flags, cutover.NewFlags(`\Seen`, "$Forwarded", "Work"))
	}
	var items []bridge.PutItem
	for _, raw := range odd() {
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
	outcomes := s.putAll(s.inbox, putItems(1, count))
	for n := 1; n <= count; n++ {
		s.ok(outcomes[n].Err)
	}
	stored := s.stored(s.inbox)
	if len(outcomes) != count || len(stored) != count {
		s.Fatalf("%d outcomes and %d items stored, want %d", len(outcomes), len(stored), count)
	}
	for n := 1; n <= count && s.Places; n++ {
		if id := stored[outcomes[n].Place.Ref].Identity; id.Key != identity(n).Key {
			s.Fatalf("item %d does not lie at %s", n, outcomes[n].Place.Ref)
		}
	}
	more := s.putAll(s.inbox, putItems(count+1, count+1))
	if err := more[count+1].Err; err != nil || len(more) != 1 {
		s.Errorf("a second put: %d outcomes, %v", len(more), err)
	}
}

// putInStep: the sequence yields the next item when the outcome of the last one is known.
func (s *suite) putInStep() {
	told := make(chan int, 1)
	items := func(yield func(bridge.PutItem) bool) {
		for n := 1; n <= 5; n++ {
			if !yield(putItem(n)) {
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
	if outcomes := s.putAll(s.inbox, putItems(1, 0)); len(outcomes) != 0 {
		s.Errorf("outcomes of nothing: %v", outcomes)
	}
}

// putBadContent: a body that is shorter or longer than it says is not stored, padded or cut; the others are.
func (s *suite) putBadContent() {
	for _, claimed := range []int64{10, 1 << 20} {
		bad := putItem(2)
		bad.Content = content{raw: message(2).Raw, claimed: claimed}
		outcomes := map[int]error{}
		err := s.store.Put(s.ctx, s.inbox, slices.Values([]bridge.PutItem{putItem(1), bad, putItem(3)}), func(o bridge.Outcome) { outcomes[o.ID] = o.Err })
		if told, ok := outcomes[2]; ok && told == nil || !ok && err == nil {
			s.Errorf("a body of another length than %d was put: %v, %v", claimed, outcomes, err)
		}
	}
	for _, item := range s.stored(s.inbox) {
		if item.Identity.Key == identity(2).Key {
			s.Errorf("a body of the wrong length was stored: %+v", item)
		}
	}
}

// tail: what is put after State lies at or after its tail, and a scan from there finds it and nothing from before.
func (s *suite) tail() {
	s.deliver(1, 3)
	before, err := s.store.State(s.ctx, s.inbox)
	s.ok(err)
	s.putAll(s.inbox, putItems(4, 5))
	var found []int
	for item, err := range s.store.Scan(s.ctx, s.inbox, before.Tail) {
		s.ok(err)
		found = append(found, s.which(item, 5))
	}
	s.equal("scan from the tail", found, []int{4, 5})
	after, err := s.store.State(s.ctx, s.inbox)
	s.ok(err)
	if before.Items != 3 || after.Items != 5 || after.Validity != before.Validity {
		s.Errorf("state before %+v, after %+v", before, after)
	}
	for item, err := range s.store.Scan(s.ctx, s.inbox, after.Tail) {
		s.Errorf("beyond the tail: %+v, %v", item, err)
	}
}

func (s *suite) foldersByRole() {
	inbox, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: cutover.FolderPath{"inbox"}, Role: cutover.Inbox, Kind: cutover.Mail})
	if err != nil || inbox.Name != s.inbox.Name {
		s.Errorf("INBOX by role: %+v, %v", inbox, err)
	}
	for _, role := range []cutover.FolderRole{cutover.Sent, cutover.Drafts, cutover.Junk, cutover.Trash, cutover.Archive} {
		want := cutover.Folder{Path: cutover.FolderPath{"Our " + string(role)}, Role: role, Kind: cutover.Mail}
		made, err := s.store.EnsureFolder(s.ctx, want)
		s.ok(err)
		again, err := s.open().EnsureFolder(s.ctx, cutover.Folder{Path: made.Path, Kind: cutover.Mail})
		if err != nil || again.Name != made.Name {
			s.Errorf("%s: made %+v, then found %+v, %v", role, made, again, err)
		}
	}
}

func (s *suite) foldersByPath() {
	paths := []cutover.FolderPath{
		{"Projects"}, {"Projects", "2019"}, {"Größe & Co", "Ελλάδα", "日本語"}, {"a", "b", "c", "d"}, {"quo\"ted name"}, {"&"}, {"emoji 😀"},
	}
	for _, path := range paths {
		made, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: path, Kind: cutover.Mail})
		s.ok(err)
		if made.Path.Key() != path.Key() {
			s.Errorf("%s was made as %s", path, made.Path)
		}
		if listed := s.folder(path); listed.Name != made.Name || listed.Foreign || listed.NoSelect {
			s.Errorf("%s is listed as %+v", path, listed)
		}
		again, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: path, Kind: cutover.Mail})
		if err != nil || again.Name != made.Name {
			s.Errorf("%s again: %+v, %v", path, again, err)
		}
		outcomes := s.putAll(made, putItems(1, 1))
		if err := outcomes[1].Err; err != nil || len(s.refs(made)) != 1 {
			s.Errorf("%s does not take items: %v", path, err)
		}
	}
}

// refusedName: what a server refuses is made under a name that it takes, and found again.
func (s *suite) refusedName() {
	for _, name := range []string{"~peter", "#news", `a\b`, "ends with a dot.", " blanks "} {
		want := cutover.Folder{Path: cutover.FolderPath{name}, Kind: cutover.Mail}
		made, err := s.store.EnsureFolder(s.ctx, want)
		s.ok(err)
		again, err := s.open().EnsureFolder(s.ctx, want)
		if err != nil || again.Name != made.Name {
			s.Errorf("%q was made as %s, then %s, %v", name, made.Path, again.Path, err)
		}
	}
}

func (s *suite) separatorInName() {
	want := cutover.Folder{Path: cutover.FolderPath{"Invoices", "2019" + s.Separator + "20"}, Kind: cutover.Mail}
	made, err := s.store.EnsureFolder(s.ctx, want)
	s.ok(err)
	if len(made.Path) != 2 || made.Path[1] != "2019_20" {
		s.Errorf("%s was made as %q", want.Path, made.Path)
	}
	again, err := s.open().EnsureFolder(s.ctx, want)
	if err != nil || again.Name != made.Name {
		s.Errorf("again: %+v, %v", again, err)
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
	s.equal("all, by arrival", found, falling(count, 1))
	found = nil
	for item, err := range s.store.Scan(s.ctx, s.inbox, refs[count-2]) {
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
	raw := slices.Concat([]byte(fmt.Sprintf("%s: %s\r\n", cutover.TraceField, trace)), message(count+1).Raw)
	s.box.Deliver(s.T, s.inbox.Path, Message{Raw: raw, Date: day(1)})
	missing := cutover.IdentityOf([]byte("Message-ID: <never@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n\r\n"))
	wanted := []cutover.Identity{identity(3), identity(20), missing, {Trace: trace}}
	found := map[int]bool{}
	for item, err := range s.store.Search(s.ctx, s.inbox, wanted) {
		s.ok(err)
		found[s.which(item, count+1)] = true
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
		refs[0]:      {`\Flagged`, `\Seen`},
		refs[1]:      {`\Flagged`, `\Seen`},
		refs[2]:      {},
		"4294967294": {`\Seen`},
	}
	if s.Keywords {
		want[refs[2]] = cutover.NewFlags("Work")
	}
	set, err := s.store.SetFlags(s.ctx, s.inbox, want)
	s.ok(err)
	delete(want, "4294967294")
	s.sameFlags("set", set, want)
	have, err := s.store.Flags(s.ctx, s.inbox, append(refs, "4294967294"))
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

// endedContext: a method whose context has ended says so, and the store works on.
func (s *suite) endedContext() {
	s.deliver(1, 2)
	refs := s.refs(s.inbox)
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.store.Next(ended, s.inbox, "")
	s.canceled("next", err)
	s.canceled("fetch", s.store.Fetch(ended, s.inbox, refs, func(bridge.Fetched) error { return nil }))
	s.canceled("put", s.store.Put(ended, s.inbox, putItems(3, 3), func(bridge.Outcome) {}))
	_, err = s.store.Folders(ended)
	s.canceled("folders", err)

	during, cancel := context.WithCancel(s.ctx)
	s.canceled("fetch under way", s.store.Fetch(during, s.inbox, refs, func(got bridge.Fetched) error {
		cancel()
		return got.Content.Close()
	}))
	during, cancel = context.WithCancel(s.ctx)
	s.canceled("put under way", s.store.Put(during, s.inbox, putItems(3, 20000), func(bridge.Outcome) { cancel() }))
	if got := s.fetch(s.inbox, refs...); len(got) != 2 {
		s.Error("the store does not work on")
	}
}

func (s *suite) canceled(what string, err error) {
	s.Helper()
	if !errors.Is(err, context.Canceled) {
		s.Errorf("%s: %v, want that the context was cancelled", what, err)
	}
}

// closedStore: closing ends what is under way, twice is harmless, and nothing works afterwards.
func (s *suite) closedStore() {
	waited := make(chan error, 1)
	if s.Hints {
		s.quiet()
		go func() { waited <- s.store.Wait(s.ctx, s.inbox) }()
	}
	s.ok(s.store.Close())
	s.ok(s.store.Close())
	if s.Hints {
		select {
		case err := <-waited:
			if err == nil {
				s.Error("wait on a closed store hints")
			}
		case <-time.After(5 * time.Second):
			s.Error("wait goes on after the store was closed")
		}
	}
	if _, err := s.store.Next(s.ctx, s.inbox, ""); err == nil {
		s.Error("a closed store follows")
	}
	if err := s.store.Put(s.ctx, s.inbox, putItems(1, 1), func(bridge.Outcome) {}); err == nil {
		s.Error("a closed store puts")
	}
}
