package storetest

import (
	"errors"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// follow calls Next until nothing is pending and returns the batches.
func (s *suite) follow(store bridge.Store, f cutover.Folder, c ledger.Cursor) (batches []bridge.Batch, after ledger.Cursor) {
	s.Helper()
	for range 1000 {
		b, err := store.Next(s.ctx, f, c)
		s.ok(err)
		c = b.After
		if len(b.Changes) == 0 {
			return batches, c
		}
		batches = append(batches, b)
	}
	s.Fatal("Next never comes to an end")
	return nil, ""
}

// numbers are the messages that batches tell of as added, in order.
func (s *suite) numbers(highest int, batches ...bridge.Batch) []int {
	s.Helper()
	var numbers []int
	for _, b := range batches {
		for _, c := range b.Changes {
			if c.Kind == bridge.Added {
				numbers = append(numbers, s.which(c.Item, highest))
			}
		}
	}
	return numbers
}

func falling(from, to int) []int {
	var numbers []int
	for n := from; n >= to; n-- {
		numbers = append(numbers, n)
	}
	return numbers
}

func (s *suite) equal(what string, got, want []int) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func (s *suite) backfill() {
	count := s.Batch*2 + 3
	s.deliver(1, count)
	batches, after := s.follow(s.store, s.inbox, "")
	batches = slices.DeleteFunc(batches, func(b bridge.Batch) bool { return b.Changes[0].Kind == bridge.Flagged }) // a poll of all flags
	s.equal("newest first", s.numbers(count, batches...), falling(count, 1))
	if len(batches) != 3 {
		s.Errorf("%d batches for %d items in batches of %d", len(batches), count, s.Batch)
	}
	state, err := s.store.State(s.ctx, s.inbox)
	s.ok(err)
	for i, b := range batches {
		if b.Fresh || b.Reset || b.Validity != state.Validity {
			s.Errorf("batch %d of the backfill: fresh %v, reset %v, validity %s of %s", i, b.Fresh, b.Reset, b.Validity, state.Validity)
		}
		if left := max(0, count-(i+1)*s.Batch); b.Left != left {
			s.Errorf("batch %d says that %d are left, want %d", i, b.Left, left)
		}
	}
	s.checkItem(batches[0].Changes[0].Item, count)
	again, err := s.store.Next(s.ctx, s.inbox, after)
	if err != nil || len(again.Changes) != 0 {
		s.Errorf("after the end: %+v, %v", again, err)
	}
}

// checkItem compares all that Next tells of an item.
func (s *suite) checkItem(item cutover.Item, n int) {
	s.Helper()
	want := s.message(n)
	if !item.Date.Equal(want.Date) || item.Size != int64(len(want.Raw)) && !s.Own || item.Identity != s.identity(n) {
		s.Errorf("item %+v, want date %s, size %d, identity %+v", item, want.Date, len(want.Raw), s.identity(n))
	}
	if _, offset := item.Date.Zone(); s.Zones && !s.Kind.Objects() && offset != 5*3600+1800 {
		s.Errorf("date %s lost its zone", item.Date)
	}
}

// resume: each cursor of a batch is enough for another store to go on, and a batch that was not disposed of comes again.
func (s *suite) resume() {
	count := s.Batch*2 + 1
	s.deliver(1, count)
	first, err := s.store.Next(s.ctx, s.inbox, "")
	s.ok(err)
	lost, err := s.store.Next(s.ctx, s.inbox, first.After)
	s.ok(err)
	rest, _ := s.follow(s.open(), s.inbox, first.After)
	got := s.numbers(count, append([]bridge.Batch{first}, rest...)...)
	s.equal("after another store took over", got, falling(count, 1))
	s.equal("the batch that came twice", s.numbers(count, rest[0]), s.numbers(count, lost))
}

func (s *suite) news() {
	count := s.Batch*2 + 1
	s.deliver(1, count)
	old, err := s.store.Next(s.ctx, s.inbox, "")
	s.ok(err)
	s.deliver(count+1, count+2)
	fresh, err := s.store.Next(s.ctx, s.inbox, old.After)
	s.ok(err)
	if !fresh.Fresh {
		s.Error("the batch of news is not fresh")
	}
	s.equal("news", s.numbers(count+2, fresh), falling(count+2, count+1))
	rest, _ := s.follow(s.store, s.inbox, fresh.After)
	old.Changes = append(old.Changes, rest[0].Changes...)
	for _, b := range rest[1:] {
		old.Changes = append(old.Changes, b.Changes...)
	}
	s.equal("old ranges", s.numbers(count+2, old), falling(count, 1))
}

func (s *suite) readAhead() { s.readAheadOf(s.Batch) }

func (s *suite) readAheadFew() { s.readAheadOf(1) }

// readAheadOf calls Next while bodies are being fetched, from within the callback: the strictest way of doing both at once.
func (s *suite) readAheadOf(bodies int) {
	s.deliver(1, s.Batch*2)
	first, err := s.store.Next(s.ctx, s.inbox, "")
	s.ok(err)
	var refs []cutover.Ref
	for _, c := range first.Changes[:bodies] {
		refs = append(refs, c.Item.Ref)
	}
	var second bridge.Batch
	told := 0
	s.ok(s.store.Fetch(s.ctx, s.inbox, refs, func(got bridge.Fetched) error {
		if told++; told == 1 {
			second, err = s.store.Next(s.ctx, s.inbox, first.After)
			s.ok(err)
		}
		s.ok(got.Err)
		return got.Content.Close()
	}))
	if told != len(refs) {
		s.Errorf("%d bodies told of, want %d", told, len(refs))
	}
	s.equal("read ahead", s.numbers(s.Batch*2, second), falling(s.Batch, 1))
}

func (s *suite) changedFlags() {
	s.deliver(1, 3)
	batches, after := s.follow(s.store, s.inbox, "")
	changed := batches[0].Changes[1].Item.Ref
	s.box.SetFlags(s.T, s.inbox.Path, changed, `\Seen`, `\Flagged`)
	b, err := s.store.Next(s.ctx, s.inbox, after)
	s.ok(err)
	if len(b.Changes) != 1 || b.Changes[0].Kind != bridge.Flagged || b.Changes[0].Item.Ref != changed {
		s.Fatalf("after a change of flags of %s: %+v", changed, b.Changes)
	}
	if want := cutover.NewFlags(`\Seen`, `\Flagged`); !b.Changes[0].Item.Flags.Equal(want) {
		s.Errorf("flags %v, want %v", b.Changes[0].Item.Flags, want)
	}
	if b, err = s.store.Next(s.ctx, s.inbox, b.After); err != nil || len(b.Changes) != 0 {
		s.Errorf("the change of flags came again: %+v, %v", b.Changes, err)
	}
}

// glance: a folder is quiet when everything in it was followed, and no more when something happened, which Next then tells.
func (s *suite) glance() {
	all, can := s.store.(bridge.Glancer)
	if !can {
		return
	}
	s.deliver(1, 3)
	of := func(c ledger.Cursor) bridge.Glance {
		s.Helper()
		glances, err := all.Glance(s.ctx, []cutover.Folder{s.inbox, {Name: "no such folder", Path: cutover.FolderPath{"no such folder"}}}, []ledger.Cursor{c, c})
		s.ok(err)
		if glances[1] != (bridge.Glance{}) {
			s.Errorf("a folder that is not there: %+v", glances[1])
		}
		return glances[0]
	}
	if g := of(""); !g.Known || g.Items != 3 || g.Quiet {
		s.Errorf("at first: %+v", g)
	}
	_, after := s.follow(s.store, s.inbox, "")
	if g := of(after); g.Items != 3 || g.Quiet != s.Glances {
		s.Errorf("when all was followed: %+v", g)
	}
	s.deliver(4, 4)
	if g := of(after); g.Items != 4 || g.Quiet {
		s.Errorf("with news: %+v", g)
	}
	batches, after := s.follow(s.store, s.inbox, after)
	s.equal("the news", s.numbers(4, batches...), []int{4})
	if g := of(after); g.Quiet != s.Glances {
		s.Errorf("when the news was followed: %+v", g)
	}
}

func (s *suite) renewed() {
	s.deliver(1, 3)
	before, after := s.follow(s.store, s.inbox, "")
	s.box.Renew(s.T, s.inbox.Path)
	b, err := s.store.Next(s.ctx, s.inbox, after)
	s.ok(err)
	if !b.Reset || b.Validity == before[0].Validity && !s.Kind.Objects() {
		s.Fatalf("after a renewal: reset %v, validity %s, before %s", b.Reset, b.Validity, before[0].Validity)
	}
	s.equal("all again", s.numbers(3, b), falling(3, 1))
	if b, err = s.store.Next(s.ctx, s.inbox, b.After); err != nil || b.Reset || len(s.numbers(3, b)) != 0 {
		s.Errorf("after the reset: %+v, %v", b, err)
	}
}

func (s *suite) goneFolder() {
	nowhere := s.inbox
	nowhere.Path, nowhere.Name = cutover.FolderPath{"Nowhere"}, "Nowhere"
	if _, err := s.store.Next(s.ctx, nowhere, ""); !errors.Is(err, bridge.ErrGone) {
		s.Errorf("following a folder that is not there: %v", err)
	}
	if _, err := s.store.State(s.ctx, nowhere); !errors.Is(err, bridge.ErrGone) {
		s.Errorf("state of a folder that is not there: %v", err)
	}
}
