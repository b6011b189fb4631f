package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/internal/control"
)

// questions answers from a list, one after the other; the last one again and again.
type questions struct {
	answers []any // control.Status or error
	asked   int
}

func (q *questions) ask(ctx context.Context) (control.Status, error) {
	if ctx.Err() != nil {
		return control.Status{}, ctx.Err()
	}
	a := q.answers[min(q.asked, len(q.answers)-1)]
	q.asked++
	if s, ok := a.(control.Status); ok {
		return s, nil
	}
	return control.Status{}, a.(error)
}

func TestWatchWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		q := &questions{answers: []any{sampleStatus(), errors.New("it is away"), readyStatus()}}
		go func() {
			time.Sleep(2*time.Minute + time.Second)
			tr.told <- syscall.SIGINT
		}()
		if err := tr.watch(t.Context(), q.ask, statusShow{time.UTC}); err != nil {
			t.Errorf("the last verdict was ready, got %v", err)
		}
		want := "◐ NOT YET; first copy: 211/214 mailboxes, 99 %, 4,102,300/4,118,230 messages, 812/~819 GB, 1 needs attention\n" +
			"✓ READY, 214 mailboxes followed, queue 0, held 0\n"
		if got := tr.stdout.String(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		if got := tr.stderr.String(); got != "it is away\n" {
			t.Errorf("on stderr: %q", got)
		}
	})
}

func TestWatchJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		tr.json = true
		go func() {
			time.Sleep(2500 * time.Millisecond)
			tr.told <- syscall.SIGTERM
		}()
		if err := tr.watch(t.Context(), (&questions{answers: []any{sampleStatus()}}).ask, statusShow{time.UTC}); !errors.Is(err, status(exitNotYet)) {
			t.Errorf("got %v", err)
		}
		n := 0
		for lines := json.NewDecoder(strings.NewReader(tr.stdout.String())); ; n++ {
			var s control.Status
			if err := lines.Decode(&s); errors.Is(err, io.EOF) {
				break
			} else if err != nil || s.Schema != control.StatusSchema {
				t.Fatalf("line %d: %v, %q", n, err, s.Schema)
			}
		}
		if n != 3 {
			t.Errorf("%d objects in 2.5 seconds, want 3", n)
		}
	})
}

func TestWatchNeedsAFirstAnswer(t *testing.T) {
	tr := newTrial()
	away := errors.New("it is away")
	if err := tr.watch(t.Context(), (&questions{answers: []any{away}}).ask, statusShow{time.UTC}); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

func TestWatchOnATerminal(t *testing.T) {
	term := &vt{}
	tr := newTrial()
	tr.out = printerOn(term)
	tr.out.terminal = true // its size is not known: nothing is cut
	w := watcher{app: tr.app, show: statusShow{time.UTC}, speeds: newSpeeds(time.Minute), screen: newScreen(tr.out)}
	w.tell(sampleStatus(), nil)
	shown := strings.Join(term.shows(), "\n")
	for _, want := range []string{"◐ NOT YET", "  messages ███", "  copying  anna@"} {
		if strings.Count(shown, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, shown)
		}
	}
	if strings.Count(shown, "login refused") != 1 {
		t.Errorf("a problem is there twice:\n%s", shown)
	}
	w.tell(readyStatus(), nil)
	if shown = strings.Join(term.shows(), "\n"); !strings.HasPrefix(shown, "✓ READY") || strings.Contains(shown, "███") {
		t.Errorf("after the copy:\n%s", shown)
	}
	w.tell(readyStatus(), errors.New("it is away"))
	if shown = strings.Join(term.shows(), "\n"); !strings.HasPrefix(shown, "it is away; waiting for it\n✓ READY") {
		t.Errorf("while it is away:\n%s", shown)
	}
}
