package demo

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// flow carries the mail of senders and people, each piece when its time has come. It is safe for concurrent use.
type flow struct {
	w        *world
	listener string
	diary    *diary
	room     chan struct{} // one for each piece under way
	ways     func(sender, time.Time) way
	failed   context.CancelCauseFunc

	copied atomic.Bool // the first copy is done

	mu      sync.Mutex
	traffic Traffic
	gate    chan struct{} // closed while pieces may begin
}

// way is where a sender's mail goes.
type way string

const (
	byListener way = "the listener"
	byOld      way = "the old server"
	byNew      way = "the new server"
)

// piece is one thing to be done at its time.
type piece struct {
	due time.Time
	do  func(ctx context.Context, f *flow) error
}

// abreast is how many pieces are under way at one time.
const abreast = 6

func newFlow(w *world, listener string, d *diary, ways func(sender, time.Time) way, failed context.CancelCauseFunc) *flow {
	f := &flow{w: w, listener: listener, diary: d, room: make(chan struct{}, abreast), ways: ways, failed: failed, gate: make(chan struct{})}
	close(f.gate)
	return f
}

// run carries the pieces, which are in the order of their times, and returns when all have arrived or ctx has ended. The first failure ends the demonstration.
func (f *flow) run(ctx context.Context, pieces []piece) {
	var under sync.WaitGroup
	defer under.Wait()
	for _, p := range pieces {
		if f.begin(ctx, p.due) != nil {
			return
		}
		under.Go(func() {
			defer func() { <-f.room }()
			if err := p.do(ctx, f); err != nil && ctx.Err() == nil {
				f.failed(err)
			}
		})
	}
}

// begin waits for a piece's time, for the flow to go on, and for room.
func (f *flow) begin(ctx context.Context, due time.Time) error {
	if err := f.w.clock.Sleep(ctx, due.Sub(f.w.clock.Now())); err != nil {
		return err
	}
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	select {
	case <-gate:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case f.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause lets nothing new begin and returns when nothing is under way.
func (f *flow) pause(ctx context.Context) error {
	f.mu.Lock()
	f.gate = make(chan struct{})
	f.mu.Unlock()
	for taken := range abreast {
		select {
		case f.room <- struct{}{}:
		case <-ctx.Done():
			for range taken {
				<-f.room
			}
			return ctx.Err()
		}
	}
	for range abreast {
		<-f.room
	}
	return nil
}

func (f *flow) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.gate)
}

func (f *flow) count(add func(*Traffic)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	add(&f.traffic)
}

func (f *flow) counted() Traffic {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.traffic
}
