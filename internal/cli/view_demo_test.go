package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"posthouse/internal/demo"
)

func demoAt(days, hours int) demo.Event {
	return demo.Event{Day: days, At: time.Date(2026, 11, 2+days, hours, 0, 0, 0, time.UTC)}
}

// demoStory is one event of each kind, as a good demonstration tells them.
func demoStory() []demo.Event {
	event := func(kind demo.Kind, days, hours int, set func(*demo.Event)) demo.Event {
		e := demoAt(days, hours)
		e.Kind = kind
		set(&e)
		return e
	}
	servers := &demo.Servers{
		OldIMAP: "127.0.0.1:34143", OldSMTP: "127.0.0.1:34025", NewIMAP: "127.0.0.1:34243", NewSMTP: "127.0.0.1:34125", Listener: "127.0.0.1:24025",
		Program: "./posthouse", Config: "/tmp/posthouse-demo-1/posthouse.toml", Mailboxes: 12, Messages: 8400, Octets: 49_000_000, Senders: 40, HoursASecond: 4,
	}
	traffic := &demo.Traffic{Listener: 109, Old: 31, Sent: 19, New: 10, Logins: 44}
	waits := &demo.Verdict{Server: "not yet", Address: "ready", Quiet: 29, Needed: 72, Reasons: []string{"anna logged in on the old server"}}
	ready := &demo.Verdict{Server: "ready", Address: "ready", Quiet: 72, Needed: 72}
	return []demo.Event{
		event(demo.Opened, 0, 0, func(e *demo.Event) { e.Opened = servers }),
		event(demo.Copying, 0, 1, func(e *demo.Event) { e.Copy = &demo.Copy{Done: 4211, Total: 8400} }),
		event(demo.Copied, 0, 7, func(e *demo.Event) { e.Copy = &demo.Copy{Done: 8400, Total: 8400} }),
		event(demo.Passing, 1, 3, func(e *demo.Event) { e.Traffic = traffic }),
		event(demo.Switched, 2, 21, func(*demo.Event) {}),
		event(demo.Killed, 3, 4, func(e *demo.Event) { e.Crash = &demo.Crash{InHand: 8, Accepted: 3, Restarted: 0.42, Delivered: 8} }),
		event(demo.Day, 4, 0, func(e *demo.Event) { e.Traffic = traffic }),
		event(demo.Moved, 5, 0, func(*demo.Event) {}),
		event(demo.Late, 9, 11, func(e *demo.Event) { e.Sender = "payroll@acme.example" }),
		event(demo.Day, 10, 0, func(e *demo.Event) { e.Traffic = &demo.Traffic{Unwanted: 3} }),
		event(demo.Waiting, 11, 9, func(e *demo.Event) { e.Verdict = waits }),
		event(demo.Ready, 12, 12, func(e *demo.Event) { e.Verdict = ready }),
		event(demo.Verified, 12, 13, func(e *demo.Event) { e.Verify = &demo.Verify{Mailboxes: 12, Equal: 9208} }),
		event(demo.Compared, 12, 14, func(e *demo.Event) { e.Verdict, e.Compared = ready, &demo.Comparison{Messages: 10013} }),
		event(demo.Holding, 12, 15, func(e *demo.Event) {
			e.Opened, e.Logins = servers, []demo.Login{{User: "anna@example.com", OldPassword: "old-anna", NewPassword: "new-anna"}, {User: "room-1@example.com", OldPassword: "old-room-1", NewPassword: "new-room-1"}}
		}),
	}
}

func TestDemoView(t *testing.T) {
	var lines []line
	var ready demo.Event
	for _, e := range demoStory() {
		if e.Kind == demo.Ready {
			ready = e
		}
		lines = append(lines, demoView(e, ready)...)
	}
	golden(t, "demo", lines)
}

func TestDemoViewOfFailure(t *testing.T) {
	var lines []line
	waits := &demo.Verdict{Server: "blind", Address: "ready", Quiet: 3, Needed: 72}
	copied, crashed, verified, found, held, waiting := demoAt(0, 7), demoAt(3, 4), demoAt(15, 1), demoAt(15, 2), demoAt(15, 3), demoAt(15, 0)
	copied.Kind, copied.Copy = demo.Copied, &demo.Copy{Done: 8315, Total: 8400, Missing: 85}
	crashed.Kind, crashed.Crash = demo.Killed, &demo.Crash{InHand: 8, Delivered: 7, Twice: 1, Restarted: 1}
	waiting.Kind, waiting.Verdict = demo.Waiting, waits
	verified.Kind, verified.Verify = demo.Verified, &demo.Verify{Mailboxes: 11, Equal: 9000, Missing: 1, Extra: 1, Findings: []string{"anna@example.com INBOX 7: is not in the cloud"}}
	found.Kind, found.Verdict = demo.Compared, waits
	found.Compared = &demo.Comparison{Messages: 10013, Missing: 3, Twice: 1, Changed: 2, Findings: []string{"missing: anna@example.com INBOX, \x1b[2Jfrom payroll"}}
	blind := found
	blind.Compared = &demo.Comparison{Messages: 10013}
	held.Kind, held.Opened, held.Failed = demo.Holding, demoStory()[0].Opened, "copying: it took longer than 5m0s"
	for _, e := range []demo.Event{copied, crashed, waiting, verified, found, blind, held} {
		lines = append(lines, demoView(e, demo.Event{})...)
	}
	golden(t, "demo-failed", append(lines, demoLog([]string{"2026-11-22 12:00:00 warning  careful"})...))
}

func TestDemoFailure(t *testing.T) {
	broken := errors.New("broken pipe")
	stopped := &demo.Failure{Doing: "copying", Err: errors.New("the service ended by itself")}
	tests := []struct {
		name         string
		err, writing error
		done         bool
		says         string // "" is success
	}{
		{"all is well", nil, nil, true, ""},
		{"ended by an interrupt after its end", context.Canceled, nil, true, ""},
		{"interrupted", context.Canceled, nil, false, "interrupted"},
		{"found something, then held and ended", fmt.Errorf("%w: 1 missing", demo.ErrFound), nil, true, "1 missing"},
		{"did not come to its end", stopped, nil, false, "the demonstration did not come to its end: copying: the service ended by itself"},
		{"nobody reads", context.Canceled, broken, false, "broken pipe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := asFailure(demoFailure(tt.err, tt.writing, tt.done))
			var f *failure
			if tt.says == "" && err != nil || tt.says != "" && (!errors.As(err, &f) || f.code != exitFailed || !strings.Contains(f.what, tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// What is told again and again comes at most every few seconds where it cannot be redrawn, and not at all under --quiet.
func TestTeller(t *testing.T) {
	for name, tt := range map[string]struct{ json, quiet bool }{"plain": {}, "quiet": {quiet: true}, "json": {json: true}} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			a := newApp(Build{}, os.Stdin, &out, io.Discard)
			a.json, a.quiet = tt.json, tt.quiet
			tell := teller{app: a, screen: newScreen(a.out), end: func() { t.Error("told to end") }}
			story := demoStory()
			for _, e := range story[:len(story)-1] { // but for holding
				for range 5 {
					if tell.tell(e); e.Kind != demo.Copying && e.Kind != demo.Passing && e.Kind != demo.Waiting {
						break
					}
				}
			}
			text := out.String()
			if n := strings.Count(text, "so far") + strings.Count(text, `"passing"`) + strings.Count(text, "4,211") + strings.Count(text, `"done":4211`); n > 0 {
				t.Errorf("what passes was told %d times in\n%s", n, text)
			}
			if lines := strings.Count(text, "\n"); tt.quiet && (lines != 1 || !strings.Contains(text, "READY")) || !tt.quiet && lines < 10 {
				t.Errorf("%d lines:\n%s", lines, text)
			}
			if !tell.done {
				t.Error("the end was not noticed")
			}
		})
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestTellerWithoutReader(t *testing.T) {
	a := newApp(Build{}, os.Stdin, brokenWriter{}, io.Discard)
	ended := false
	tell := teller{app: a, screen: newScreen(a.out), end: func() { ended = true }}
	tell.tell(demoStory()[0])
	if !ended {
		t.Error("nobody reads, and the demonstration goes on")
	}
}
