package memstore

import (
	"iter"
	"slices"
	"time"

	"posthouse/bridge"
)

// reversing holds outcomes back and tells them, last first, when three have come or flush is called.
func reversing(outcome func(bridge.Outcome)) (tell func(bridge.Outcome), flush func()) {
	var held []bridge.Outcome
	flush = func() {
		for _, o := range slices.Backward(held) {
			outcome(o)
		}
		held = nil
	}
	tell = func(o bridge.Outcome) {
		if held = append(held, o); len(held) == 3 {
			flush()
		}
	}
	return tell, flush
}

// flushing yields the items and calls flush when the next one is long in coming: the sequence may be waiting for an outcome.
func flushing(items iter.Seq[bridge.PutItem], flush func()) iter.Seq[bridge.PutItem] {
	return func(yield func(bridge.PutItem) bool) {
		in, quit := make(chan bridge.PutItem), make(chan struct{})
		go func() {
			defer close(in)
			items(func(item bridge.PutItem) bool {
				select {
				case in <- item:
					return true
				case <-quit:
					return false
				}
			})
		}()
		defer close(quit)
		for {
			select {
			case item, ok := <-in:
				if !ok || !yield(item) {
					return
				}
			case <-time.After(time.Millisecond):
				flush()
			}
		}
	}
}
