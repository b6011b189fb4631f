package bridge

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

// source gives batches one after the other; a cursor is how many were given.
type source []Batch

func (s source) next(_ context.Context, c ledger.Cursor) (Batch, error) {
	n, _ := strconv.Atoi(string(c))
	if n >= len(s) {
		return Batch{Validity: "1", After: c}, nil
	}
	b := s[n]
	b.After = ledger.Cursor(strconv.Itoa(n + 1))
	if b.Validity == "broken" {
		return b, errBatch
	}
	return b, nil
}

// errBatch is any failure: a server that asks to wait, an answer that nobody can read.
var errBatch = errors.New("not to be read")

// batchOf is an old range of items of 10 octets.
func batchOf(refs ...cutover.Ref) Batch {
	b := Batch{Validity: "1"}
	for _, r := range refs {
		b.Changes = append(b.Changes, Change{Kind: Added, Item: cutover.Item{Ref: r, Size: 10}})
	}
	return b
}

func toldIn(all []Batch) (refs []cutover.Ref) {
	for _, b := range all {
		for _, c := range b.Changes {
			refs = append(refs, c.Item.Ref)
		}
	}
	return refs
}

// Old ranges are put together up to what is worth it, news and other eras never, and whatever the bounds each change is told once, in its order, with the cursor after it.
func TestBatchesTogether(t *testing.T) {
	news, reset, era := batchOf("n"), batchOf("r"), batchOf("e")
	news.Fresh, reset.Reset, era.Validity = true, true, "2"
	for name, c := range map[string]struct {
		of     source
		items  int
		octets int64
		want   []int // items in each batch
	}{
		"all":               {source{batchOf("a", "b"), batchOf("c"), batchOf("d")}, 100, 1000, []int{4}},
		"nothing worth it":  {source{batchOf("a", "b"), batchOf("c")}, 0, 0, []int{2, 1}},
		"so many items":     {source{batchOf("a", "b"), batchOf("c"), batchOf("d"), batchOf("e")}, 3, 1000, []int{3, 1, 1}},
		"so many octets":    {source{batchOf("a", "b"), batchOf("c"), batchOf("d")}, 100, 30, []int{3, 1}},
		"news between":      {source{batchOf("a"), news, batchOf("c"), batchOf("d")}, 100, 1000, []int{1, 1, 1, 1}},
		"news first":        {source{news, batchOf("c")}, 100, 1000, []int{1, 1}},
		"a reset":           {source{batchOf("a"), reset, batchOf("c")}, 100, 1000, []int{1, 1, 1}},
		"another era":       {source{batchOf("a"), era}, 100, 1000, []int{1, 1}},
		"nothing":           {nil, 100, 1000, nil},
		"broken after some": {source{batchOf("a"), batchOf("b"), {Validity: "broken"}}, 100, 1000, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			from := together{next: c.of.next}
			var got []int
			var refs []cutover.Ref
			cursor := ledger.Cursor("")
			next := func(ctx context.Context, at ledger.Cursor) (Batch, error) {
				return from.first(ctx, at, c.items, c.octets)
			}
			for {
				b, err := next(t.Context(), cursor)
				if errors.Is(err, errBatch) && name == "broken after some" || err == nil && len(b.Changes) == 0 {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				next, cursor = from.following, b.After
				got = append(got, len(b.Changes))
				for _, change := range b.Changes {
					refs = append(refs, change.Item.Ref)
				}
				if n, _ := strconv.Atoi(string(cursor)); !slices.Equal(refs, toldIn(c.of[:n])) {
					t.Errorf("%v were told up to cursor %s", refs, cursor)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("batches of %v, want %v", got, c.want)
			}
		})
	}
}
