package imapstore

import (
	"testing"

	"github.com/emersion/go-imap/v2"
)

// TestFlagWindows: the windows of a poll cover every UID once, hold whole chunks, and are few where UIDs are sparse.
func TestFlagWindows(t *testing.T) {
	cases := []struct {
		top    imap.UID
		exists uint32
		most   int
	}{
		{1, 1, 1}, {flagWindow - 1, flagWindow, 1}, {100_000, 100_000, 10}, {4_000_000_000, 1000, 1}, {1_000_000, 100_000, 10}, {500, 0, 1},
	}
	for _, c := range cases {
		p := flagPoll{}
		windows := 0
		for covered := imap.UID(0); covered < c.top; windows++ {
			w := p.window(c.top, c.exists)
			if w.first != covered+1 && covered > 0 || w.last < w.first || w.last != c.top && (w.last+1)%flagChunk != 0 {
				t.Fatalf("of %d the window after %d is %v", c.top, covered, w)
			}
			covered, p.next = w.last, w.last+1
		}
		if windows > c.most {
			t.Errorf("%d windows for %d messages up to %d, want at most %d", windows, c.exists, c.top, c.most)
		}
	}
}
