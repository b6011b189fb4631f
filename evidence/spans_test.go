package evidence

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// day0 is a Monday.
var day0 = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

func hours(h float64) time.Time { return day0.Add(time.Duration(h * float64(time.Hour))) }

func span(from, to float64) Span { return Span{hours(from), hours(to)} }

func TestSpansAdd(t *testing.T) {
	tests := []struct {
		name string
		have Spans
		add  Span
		want Spans
	}{
		{"first", nil, span(1, 2), Spans{span(1, 2)}},
		{"empty", Spans{span(1, 2)}, span(3, 3), Spans{span(1, 2)}},
		{"inverted", Spans{span(1, 2)}, span(5, 3), Spans{span(1, 2)}},
		{"after", Spans{span(1, 2)}, span(3, 4), Spans{span(1, 2), span(3, 4)}},
		{"before", Spans{span(3, 4)}, span(1, 2), Spans{span(1, 2), span(3, 4)}},
		{"adjacent after", Spans{span(1, 2)}, span(2, 4), Spans{span(1, 4)}},
		{"adjacent before", Spans{span(2, 4)}, span(1, 2), Spans{span(1, 4)}},
		{"inside", Spans{span(1, 9)}, span(2, 4), Spans{span(1, 9)}},
		{"around", Spans{span(2, 3), span(5, 6)}, span(1, 9), Spans{span(1, 9)}},
		{"bridging", Spans{span(1, 2), span(3, 4), span(5, 6), span(8, 9)}, span(1.5, 5), Spans{span(1, 6), span(8, 9)}},
		{"between", Spans{span(1, 2), span(8, 9)}, span(4, 5), Spans{span(1, 2), span(4, 5), span(8, 9)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := append(Spans(nil), tt.have...)
			if got := tt.have.Add(tt.add); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if !reflect.DeepEqual(before, append(Spans(nil), tt.have...)) {
				t.Error("the old spans were changed")
			}
		})
	}
}

func TestSpansAnd(t *testing.T) {
	tests := []struct{ a, b, want Spans }{
		{nil, Spans{span(1, 2)}, nil},
		{Spans{span(1, 5)}, Spans{span(2, 3), span(4, 9)}, Spans{span(2, 3), span(4, 5)}},
		{Spans{span(1, 2)}, Spans{span(2, 3)}, nil},
		{Spans{span(1, 2), span(3, 4)}, Spans{span(0, 9)}, Spans{span(1, 2), span(3, 4)}},
	}
	for _, tt := range tests {
		if got := tt.a.And(tt.b); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v and %v: got %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := tt.b.And(tt.a); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v and %v: got %v, want %v", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestSpansBetweenAndBack(t *testing.T) {
	s := Spans{span(0, 2), span(4, 5), span(8, 10)}
	if got, want := s.Between(hours(1), hours(9)), (Spans{span(1, 2), span(4, 5), span(8, 9)}); !reflect.DeepEqual(got, want) {
		t.Errorf("between: got %v, want %v", got, want)
	}
	if got := s.Between(hours(5), hours(8)); len(got) != 0 {
		t.Errorf("between in a gap: got %v", got)
	}
	for _, tt := range []struct {
		d    float64
		want float64
		ok   bool
	}{{1, 9, true}, {2, 8, true}, {2.5, 4.5, true}, {5, 0, true}, {6, 0, false}} {
		at, ok := s.Back(time.Duration(tt.d * float64(time.Hour)))
		if !at.Equal(hours(tt.want)) || ok != tt.ok {
			t.Errorf("back %v h: got %v %v, want %v %v", tt.d, at, ok, hours(tt.want), tt.ok)
		}
	}
	if at, ok := (Spans)(nil).Back(time.Hour); ok || !at.IsZero() {
		t.Errorf("back in nothing: %v %v", at, ok)
	}
}

// However the pieces come, the union is the same as that of a plain set of minutes.
func TestSpansAddProperty(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var s Spans
		var minutes [100]bool
		for range rnd.IntN(12) {
			from := rnd.IntN(90)
			to := from + rnd.IntN(10)
			s = s.Add(Span{day0.Add(time.Duration(from) * time.Minute), day0.Add(time.Duration(to) * time.Minute)})
			for m := from; m < to; m++ {
				minutes[m] = true
			}
		}
		checkMinutes(t, s, minutes[:])
	}
}

func checkMinutes(t *testing.T, s Spans, minutes []bool) {
	t.Helper()
	for m, want := range minutes {
		at := day0.Add(time.Duration(m) * time.Minute)
		if got := len(s.Between(at, at.Add(time.Second))) == 1; got != want {
			t.Fatalf("%v: minute %d covered: got %v, want %v", s, m, got, want)
		}
	}
	for i := 1; i < len(s); i++ {
		if !s[i].From.After(s[i-1].To) {
			t.Fatalf("%v: spans %d and %d touch", s, i-1, i)
		}
	}
}
