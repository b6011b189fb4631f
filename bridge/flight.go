package bridge

import (
	"context"
	"iter"
	"sync"

	"posthouse/cutover"
	"posthouse/ledger"
)

// flight is what was handed to Put and has not landed yet. Its methods are safe for concurrent use: Put pulls on one goroutine and reports on another.
type flight struct {
	mu     sync.Mutex
	next   int
	aloft  map[int]boarded
	landed []arrival // read it after put returned
}

type boarded struct {
	row     ledger.Item
	content Content
}

// arrival is an item whose outcome was told.
type arrival struct {
	row     ledger.Item
	outcome Outcome
}

// board notes an item as in flight and makes its PutItem. From here on the content is closed by the flight.
func (f *flight) board(t ledger.Item, content Content) PutItem {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.aloft == nil {
		f.aloft = map[int]boarded{}
	}
	f.next++
	f.aloft[f.next] = boarded{row: t, content: content}
	return PutItem{ID: f.next, Flags: t.Flags, Date: t.Date, Content: content}
}

// unboard takes back a PutItem that never reached Put; its content is the caller's again.
func (f *flight) unboard(id int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.aloft, id)
}

// put streams bodies into the folder until the channel is closed or the store gives up. What was told no outcome counts as unknown.
func (f *flight) put(ctx context.Context, cloud Store, folder cutover.Folder, bodies <-chan PutItem) error {
	err := cloud.Put(ctx, folder, f.pull(bodies), f.land)
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, b := range f.aloft {
		if b.content != nil {
			f.landed = append(f.landed, arrival{row: b.row, outcome: Outcome{ID: id, Err: ErrUnknown}})
			b.content.Close()
		}
	}
	return err
}

func (f *flight) pull(bodies <-chan PutItem) iter.Seq[PutItem] {
	return func(yield func(PutItem) bool) {
		for item := range bodies {
			if !yield(item) {
				return
			}
		}
	}
}

func (f *flight) land(o Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.aloft[o.ID]
	if !ok {
		return
	}
	delete(f.aloft, o.ID)
	f.landed = append(f.landed, arrival{row: b.row, outcome: o})
	b.content.Close()
}
