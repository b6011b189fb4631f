package bridge

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// shelf is a folder of so many items, of which each tenth carries our trace.
type shelf struct {
	Store
	items int
	asked []cutover.Ref
}

func (s *shelf) State(context.Context, cutover.Folder) (FolderState, error) {
	return FolderState{Validity: "7", Tail: s.ref(s.items), Items: s.items}, nil
}

func (s *shelf) ref(i int) cutover.Ref { return cutover.Ref(fmt.Sprintf("%06d", i)) }

func (s *shelf) Headers(_ context.Context, _ cutover.Folder, from cutover.Ref, _ time.Time, _ []string) iter.Seq2[Head, error] {
	s.asked = append(s.asked, from)
	return func(yield func(Head, error) bool) {
		for i := range s.items {
			var h Head
			if h.Ref = s.ref(i); i%10 == 0 {
				h.Identity.Trace = "ours"
			}
			if h.Ref >= from && !yield(h, nil) {
				return
			}
		}
	}
}

// A folder is read in parts, each item once, goes on where it was left, and is read anew when it is another one. What came by a listener of ours is left out.
func TestPastIsReadOn(t *testing.T) {
	s := &shelf{items: 3*pastAtOnce + 7}
	seen, parts := map[cutover.Ref]int{}, 0
	var place ledger.Place
	full := errors.New("no more today")
	p := past{store: s, reader: s, took: func(heads []Head, next ledger.Place) error {
		if parts++; parts == 2 {
			return full // nothing of it is kept: it comes again
		}
		for _, h := range heads {
			seen[h.Ref]++
			if h.Identity.Trace != "" {
				t.Errorf("%s is ours", h.Ref)
			}
		}
		place = next
		return nil
	}}
	if err := p.read(t.Context(), place); !errors.Is(err, full) {
		t.Fatal(err)
	}
	if err := p.read(t.Context(), place); err != nil {
		t.Fatal(err)
	}
	if want := s.items - (s.items+9)/10; len(seen) != want {
		t.Errorf("%d items, want %d", len(seen), want)
	}
	for ref, n := range seen {
		if n != 1 {
			t.Fatalf("%s was handed over %d times", ref, n)
		}
	}
	asked := len(s.asked)
	if err := p.read(t.Context(), place); err != nil || len(s.asked) != asked {
		t.Errorf("nothing is new, and it was asked again: %v", err)
	}
	if err := p.read(t.Context(), ledger.Place{Validity: "6", Ref: place.Ref}); err != nil || s.asked[len(s.asked)-1] != "" {
		t.Errorf("another folder is not read from its beginning: %v, %v", err, s.asked)
	}
}
