package imapstore

import (
	"fmt"
	"testing"

	"github.com/emersion/go-imap/v2"

	"posthouse/ledger"
)

func TestRanges(t *testing.T) {
	cases := []struct{ start, first, last, want string }{
		{"-", "1", "5", "1:5"},
		{"1:5", "6", "6", "1:6"},
		{"7:9", "5", "5", "5,7:9"},
		{"5,7:9", "6", "6", "5:9"},
		{"1:3,5,10:20", "2", "12", "1:20"},
		{"10:20", "1", "3", "1:3,10:20"},
		{"10:20", "9", "8", "10:20"},
		{"10:20", "12", "15", "10:20"},
		{"4294967290:4294967295", "4294967295", "4294967295", "4294967290:4294967295"},
		{"5", "0", "3", "5"},
	}
	for _, c := range cases {
		r, err := parseRanges(c.start)
		if err != nil {
			t.Fatal(err)
		}
		var first, last imap.UID
		fmt.Sscan(c.first, &first)
		fmt.Sscan(c.last, &last)
		if got := r.with(first, last); got.String() != c.want {
			t.Errorf("%s with %s..%s is %s, want %s", c.start, c.first, c.last, got, c.want)
		}
		if r.String() != c.start {
			t.Errorf("%s became %s", c.start, r)
		}
	}
}

func TestRangesGap(t *testing.T) {
	cases := []struct {
		done        string
		first, last imap.UID
		want        span
		found       bool
	}{
		{"-", 1, 9, span{1, 9}, true},
		{"-", 1, 0, span{}, false},
		{"1:9", 1, 9, span{}, false},
		{"5:9", 1, 9, span{1, 4}, true},
		{"5:9", 1, 12, span{10, 12}, true},
		{"1:3,7:9", 1, 9, span{4, 6}, true},
		{"1:3,7:9", 2, 8, span{4, 6}, true},
		{"7:9", 8, 8, span{}, false},
		{"7:9", 1, 5, span{1, 5}, true},
		{"20:30", 1, 9, span{1, 9}, true},
		{"1:5", 10, 12, span{10, 12}, true},
	}
	for _, c := range cases {
		r, err := parseRanges(c.done)
		if err != nil {
			t.Fatal(err)
		}
		if got, found := r.gap(c.first, c.last); found != c.found || found && got != c.want {
			t.Errorf("%s within %d..%d: %v, %v, want %v, %v", c.done, c.first, c.last, got, found, c.want, c.found)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("1 3857529045 4712 90060 1:2000,4200:4711")
	f.Add("1 7 1 0 -")
	f.Add("2 7 1 0 -")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(ledger.Cursor(text))
		if err != nil || text == "" {
			return
		}
		again, err := parseCursor(ledger.Cursor(c.String()))
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is read as %q, and that as %q, %v", text, c, again, err)
		}
		for i := 1; i < len(c.done); i++ {
			if uint64(c.done[i-1].last)+1 >= uint64(c.done[i].first) {
				t.Errorf("%q has spans that touch: %s", text, c.done)
			}
		}
	})
}

func TestCursorOfAnotherStore(t *testing.T) {
	for _, text := range []string{"x", "2 7 1 0 -", "1 7 1 0", "1 7 1 0 1:x", "1 7 1 0 1:9 9:xyz", "1 7 1 0 1:9 x", "1 99999999999 1 0 -", `{"Validity":1}`} {
		if c, err := parseCursor(ledger.Cursor(text)); err == nil {
			t.Errorf("%q is read as %s", text, c)
		}
	}
}
