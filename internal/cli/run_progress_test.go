package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/config"
	"posthouse/internal/control"
)

// progressOn is a progress whose log and bars go to one terminal.
func progressOn(term *vt, bars, lines bool) *progress {
	s := newScreen(printerOn(term))
	log := newLog(config.Log{Level: "info", Format: "text"}, false, s, s.p, time.UTC)
	return &progress{screen: s, log: log, zone: time.UTC, bars: bars, lines: lines, begun: time.Now()}
}

func messages(term *vt) []string {
	var all []string
	for _, row := range term.shows() {
		if _, message, ok := strings.Cut(row, "info     "); ok {
			row = message
		}
		all = append(all, row)
	}
	return all
}

func TestProgressInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{}
		p := progressOn(term, false, true)
		moved := sampleStatus()
		moved.Copy.Messages += 6000
		moved.Copy.Bytes += 600_000_000
		q := &questions{answers: []any{sampleStatus(), sampleStatus(), errors.New("busy"), moved, readyStatus()}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		p.watch(ctx, q.ask)
		want := []string{
			"first copy: 211/214 mailboxes, 99 %, 4,102,300/4,118,230 messages, 812/~819 GB, 1 needs attention",
			"first copy: 211/214 mailboxes, 99 %, 4,108,300/4,118,230 messages, 813/~819 GB, 3.3 MB/s, ETA 30 min, 1 needs attention",
			"the first copy is done; following   after=4m1s bytes=819000000000 mailboxes=214 messages=4118230",
		}
		if got := messages(term); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if q.asked != 10 { // after 1 s, and then each minute
			t.Errorf("asked %d times in 10 minutes", q.asked)
		}
	})
}

// Where the service's log is elsewhere, it is told here why mailboxes do not go on, once.
func TestProgressTellsReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{}
		p := progressOn(term, false, true)
		p.told = map[string]string{}
		other := sampleStatus()
		for i := range other.Mailboxes {
			if other.Mailboxes[i].State == stateProblem {
				other.Mailboxes[i].Error = "the server does not answer"
			}
		}
		other.Mailboxes = append(other.Mailboxes, control.Mailbox{Address: "room@example.com", State: stateUnfollowed, Objects: &control.Objects{Error: "its calendars cannot be read"}},
			control.Mailbox{Address: "phone@example.com", State: stateUnfollowed, Error: "no IMAP server is configured"})
		q := &questions{answers: []any{sampleStatus(), sampleStatus(), other, readyStatus()}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		p.watch(ctx, q.ask)
		var reasons []string
		for _, row := range term.shows() {
			if _, reason, ok := strings.Cut(row, "warning  "); ok {
				reasons = append(reasons, reason)
			}
		}
		if len(reasons) != 3 || !strings.HasPrefix(reasons[1], "the server does not answer") || !strings.HasPrefix(reasons[2], "its calendars cannot be read") || !strings.Contains(reasons[0], "mailbox=") {
			t.Errorf("told %q", reasons)
		}
	})
}

func TestProgressBars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{}
		p := progressOn(term, true, false)
		q := &questions{answers: []any{sampleStatus(), sampleStatus(), readyStatus()}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() { defer close(done); p.watch(ctx, q.ask) }()
		time.Sleep(2500 * time.Millisecond)
		p.log.Info("something else")
		rows := messages(term)
		if rows[0] != "something else" || !strings.HasPrefix(rows[1], "  messages ███") || !strings.HasPrefix(rows[2], "  bytes    ███") {
			t.Errorf("while it copies:\n%s", strings.Join(rows, "\n"))
		}
		time.Sleep(time.Second)
		if rows = messages(term); len(rows) != 2 || !strings.HasPrefix(rows[1], "the first copy is done") {
			t.Errorf("after it:\n%s", strings.Join(rows, "\n"))
		}
		cancel()
		<-done
	})
}

func TestProgressStyle(t *testing.T) {
	tests := []struct {
		name            string
		terminal, quiet bool
		bars, lines, ok bool
	}{
		{"auto", true, false, true, false, true},
		{"auto", false, false, false, true, true},
		{"auto", true, true, false, false, true},
		{"auto", false, true, false, false, true},
		{"bars", true, true, true, false, true},
		{"bars", false, false, false, true, true},
		{"lines", true, false, false, true, true},
		{"none", true, false, false, false, true},
		{"bar", true, false, false, false, false},
	}
	for _, tt := range tests {
		a := newTrial().app
		a.talk.terminal, a.quiet = tt.terminal, tt.quiet
		bars, lines, err := a.progressStyle(tt.name)
		if bars != tt.bars || lines != tt.lines || (err == nil) != tt.ok {
			t.Errorf("%+v: got %v, %v, %v", tt, bars, lines, err)
		}
	}
}
