package bridge_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// breaking takes the first few items, loses its connection, and never hears of the next item: the sequence waits.
type breaking struct {
	bridge.Store
	after int
	times int // it breaks; whole afterwards
}

func (s *breaking) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], outcome func(bridge.Outcome)) error {
	if s.times--; s.times < 0 {
		return s.Store.Put(ctx, f, items, outcome)
	}
	taken := make(chan struct{}, 1000)
	go func() {
		defer close(taken) // a stretch may be shorter
		n := 0
		for range items {
			if n++; n > s.after {
				return
			}
			taken <- struct{}{}
		}
	}()
	for range s.after {
		<-taken
	}
	return bridge.ErrConnection
}

// The cloud's connection breaks when all of a batch was handed over and the next batch waits for it to land: nobody waits for ever.
func TestAConnectionThatBreaksBetweenBatches(t *testing.T) {
	for after := range 15 {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, memstore.Options{Batch: 7, NoHints: true}, memstore.Options{}) // a hint would end the belt early
			for n := range 20 {
				w.old().Deliver(inbox, memstore.Message{Raw: mail(string(rune('a'+n)), "hello"), Date: time.Now().Truncate(time.Second)})
			}
			breaks := &breaking{after: after, times: 1}
			w.glass = func(s bridge.Store) bridge.Store {
				breaks.Store = s
				return breaks
			}
			w.run(10 * time.Minute)
			w.wantEqual(inbox)
		})
	}
}
