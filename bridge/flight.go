package bridge

import (
	"context"
	"iter"
	"sync"

	"posthouse/cutover"
)

// flight is what was handed to Put and has not landed yet. Its methods are safe for concurrent use: Put pulls on one goroutine and reports on another.
type flight struct {
	mu     sync.Mutex
	next   int
	aloft  map[int]boarded
	landed []arrival // read it after put returned
}

type boarded struct {
	task    task
	content Content
}

// arrival is a task whose outcome was told.
type arrival struct {
	task    task
	outcome Outcome
}

// board notes a task as in flight and makes its PutItem. From here on the content is closed by the flight.
func (f *flight) board(t task, content Content) PutItem {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.aloft == nil {
		f.aloft = map[int]boarded{}
	}
	f.next++
	f.aloft[f.next] = boarded{task: t, content: content}
	return PutItem{ID: f.next, Flags: t.Flags, Date: t.date, Content: content}
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
			f.landed = append(f.landed, arrival{task: b.task, outcome: Outcome{ID: id, Err: ErrUnknown}})
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
	f.landed = append(f.landed, arrival{task: b.task, outcome: o})
	b.content.Close()
}
