package world

import (
	"reflect"
	"testing"
)

func days(w *World, n int) (all []Event) {
	for range n {
		events, _ := w.Next()
		all = append(all, events...)
	}
	return all
}

func TestSameSeedSameWorld(t *testing.T) {
	n := Default().History + After
	a, b := New(Default(), 5, 30), New(Default(), 5, 30)
	if all := days(a, n); !reflect.DeepEqual(all, days(b, n)) || !reflect.DeepEqual(a.Blind(), b.Blind()) {
		t.Error("the same seed made two worlds")
	} else if len(all) < 1000 {
		t.Errorf("only %d events", len(all))
	}
	if events, ok := a.Next(); ok || len(events) > 0 {
		t.Error("the world does not end")
	}
}

// Before the switch all go to the old side; after it most do not, and who is asked does not in the end.
func TestMoves(t *testing.T) {
	p := Default()
	p.Asked.Answer = 1
	w := New(p, 2, 100)
	for _, e := range days(w, p.History) {
		if !e.Old && e.At.Before(w.Switched()) {
			t.Fatalf("%+v went to the new side before the switch", e)
		}
	}
	old, moved := map[int]bool{}, 0
	for _, e := range days(w, 30) {
		if e.Kind == Mail && e.Wanted && w.days(e.At) > 7 {
			if e.Old {
				old[e.ID] = true
			} else {
				moved++
			}
		}
	}
	if len(old) == 0 || moved == 0 {
		t.Fatalf("%d still on the old side, %d messages on the new one", len(old), moved)
	}
	for id := range old {
		w.Ask(id)
	}
	days(w, int(p.Asked.Longest)+1)
	for _, e := range days(w, 60) {
		if e.Old && old[e.ID] {
			t.Fatalf("%+v was asked and answered", e)
		}
	}
}

func TestParameters(t *testing.T) {
	if _, err := Parse([]byte("[rate]\nmedain = 1")); err == nil {
		t.Error("an unknown key was taken")
	}
	if p := Default(); p.Doubled().Rate.Median != 2*p.Rate.Median || p.Heavier().Moves.LateDays <= p.Moves.LateDays {
		t.Error("the variants are no variants")
	}
}
