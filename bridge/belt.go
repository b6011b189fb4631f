package bridge

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"posthouse/cutover"
	"posthouse/ledger"
)

// belt is one Put into a cloud folder that lasts for several batches: while the copies of one are still being answered for, the next one's bodies follow. What lands is told to the
// carriage that it belongs to.
type belt struct {
	cloud  Store
	folder cutover.Folder
	bodies chan PutItem
	// ctx ends when the Put does: nobody takes bodies any more.
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of the Put; read it after ended

	mu      sync.Mutex
	next    int
	aloft   map[int]boarded
	waiting int64     // octets given to the belt and not taken by the Put
	taken   sync.Cond // waiting became less, or ctx ended
}

// boarded is an item on its way: where it came from, and its content, which the belt closes.
type boarded struct {
	row     ledger.Item
	content Content
	of      *carriage
}

// How much may wait to be taken by the Put: enough that it never waits for the next body, and no more than lies in memory without being written to a file.
const (
	waitingBodies = 64
	waitingOctets = 2 << 20
)

func newBelt(ctx context.Context, cloud Store, folder cutover.Folder) *belt {
	b := &belt{cloud: cloud, folder: folder, bodies: make(chan PutItem, waitingBodies), ended: make(chan struct{}), aloft: map[int]boarded{}}
	b.taken.L = &b.mu
	b.ctx, b.cancel = context.WithCancel(ctx)
	context.AfterFunc(b.ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.taken.Broadcast()
	})
	go b.run()
	return b
}

// run puts until the bodies are closed or the store gives up. What was told no outcome counts as unknown.
func (b *belt) run() {
	defer close(b.ended)
	b.err = b.cloud.Put(b.ctx, b.folder, b.pull(), b.land)
	b.cancel()
	b.mu.Lock()
	left := slices.Collect(maps.Keys(b.aloft))
	b.mu.Unlock()
	for _, id := range left {
		b.land(Outcome{ID: id, Err: ErrUnknown})
	}
	for item := range b.bodies {
		b.land(Outcome{ID: item.ID, Err: ErrUnknown})
	}
}

func (b *belt) pull() iter.Seq[PutItem] {
	return func(yield func(PutItem) bool) {
		for item := range b.bodies {
			b.left(item.Content.Size())
			if !yield(item) {
				b.land(Outcome{ID: item.ID, Err: ErrUnknown})
				return
			}
		}
	}
}

// carry gives an item to the belt, which closes its content. When the Put has ended it is refused, with the context's error, and everything is as before.
func (b *belt) carry(t ledger.Item, content Content, of *carriage) error {
	b.mu.Lock()
	for b.waiting > 0 && b.waiting+content.Size() > waitingOctets && b.ctx.Err() == nil {
		b.taken.Wait()
	}
	b.waiting += content.Size()
	b.next++
	item := PutItem{ID: b.next, Flags: given(t.Flags), Date: t.Date, Content: content}
	b.aloft[item.ID] = boarded{row: t, content: content, of: of}
	b.mu.Unlock()
	of.boarded()
	select {
	case b.bodies <- item:
		return nil
	case <-b.ctx.Done():
	}
	b.mu.Lock()
	_, aloft := b.aloft[item.ID]
	delete(b.aloft, item.ID)
	b.mu.Unlock()
	if !aloft {
		return nil // it was counted among those without an outcome
	}
	of.unboarded()
	return b.ctx.Err()
}

// left counts octets as taken.
func (b *belt) left(octets int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting -= octets
	b.taken.Broadcast()
}

func (b *belt) land(o Outcome) {
	b.mu.Lock()
	one, ok := b.aloft[o.ID]
	delete(b.aloft, o.ID)
	b.mu.Unlock()
	if !ok {
		return
	}
	one.content.Close()
	one.of.landed(arrival{row: one.row, outcome: o})
}

// close ends the Put when all that was given to it is answered for, and returns its error.
func (b *belt) close() error {
	close(b.bodies)
	<-b.ended
	return b.err
}
