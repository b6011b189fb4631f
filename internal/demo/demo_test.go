package demo

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// play runs a small demonstration with a program that is not posthouse, in a temporary folder that must be empty again afterwards.
func play(t *testing.T, ctx context.Context, o Options) ([]Event, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var events []Event
	tell := o.Tell
	o.Small = true
	o.Tell = func(e Event) {
		events = append(events, e)
		if tell != nil {
			tell(e)
		}
	}
	if o.Check == nil {
		o.Check = func(string) error { return nil }
	}
	err := Run(ctx, o)
	left, readErr := os.ReadDir(os.Getenv("TMPDIR"))
	if must(t, readErr); len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
	return events, err
}

func TestAServiceThatEnds(t *testing.T) {
	events, err := play(t, t.Context(), Options{Program: program(t, "echo '2026-11-22 12:00:00 error    no disk' >&2; exit 75\n")})
	var f *Failure
	if !errors.As(err, &f) || f.Doing != "starting the service" || len(f.Log) != 1 || !strings.Contains(f.Error(), "exit status 75") {
		t.Errorf("got %v", err)
	}
	if len(events) != 1 || events[0].Kind != Opened || events[0].Schema != Schema || !events[0].At.Equal(day0) {
		t.Errorf("events %+v", events)
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	var f *Failure
	if _, err := play(t, t.Context(), Options{Program: "/nowhere/posthouse"}); !errors.As(err, &f) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAConfigurationThatIsRefused(t *testing.T) {
	refused := errors.New("1 error")
	var f *Failure
	_, err := play(t, t.Context(), Options{Program: "/bin/true", Check: func(path string) error {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		return refused
	}})
	if !errors.As(err, &f) || !errors.Is(err, refused) || f.Doing != "opening the servers" {
		t.Errorf("got %v", err)
	}
}

// An interrupt reaches a demonstration that waits for a service which never answers.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	interrupt := func(e Event) {
		if e.Kind == Opened {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
	}
	_, err := play(t, ctx, Options{Program: program(t, reloads), Tell: interrupt})
	if var_ := new(Failure); !errors.Is(err, context.Canceled) || errors.As(err, &var_) {
		t.Errorf("got %v", err)
	}
}

func TestAHeldFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var held Event
	_, err := play(t, ctx, Options{Program: program(t, "exit 1\n"), Hold: true, Tell: func(e Event) {
		if e.Kind == Holding {
			held = e
			if _, err := os.Stat(e.Opened.Config); err != nil {
				t.Error(err)
			}
			cancel()
		}
	}})
	if err == nil || !strings.Contains(held.Failed, "exit status 1") || len(held.Logins) != len(mailboxes) {
		t.Errorf("got %v, %+v", err, held)
	}
}

func TestJudge(t *testing.T) {
	clean, equal := Comparison{Messages: 9}, Verify{Mailboxes: len(mailboxes)}
	tests := []struct {
		name  string
		found Comparison
		own   Verify
		ready bool
		says  string
	}{
		{"all is well", clean, equal, true, ""},
		{"missing", Comparison{Missing: 1}, equal, true, "1 items missing"},
		{"twice", Comparison{Twice: 2}, equal, true, "2 twice"},
		{"changed", Comparison{Changed: 3}, equal, true, "3 changed"},
		{"its own verification misses one", clean, Verify{Mailboxes: len(mailboxes), Missing: 1}, true, "1 missing"},
		{"its own verification finds one too many", clean, Verify{Mailboxes: len(mailboxes), Extra: 1}, true, "1 extra"},
		{"a mailbox was not compared", clean, Verify{Mailboxes: len(mailboxes) - 1}, true, "11 of 12"},
		{"not ready", clean, equal, false, "not yet, ready: anna logged in"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &runner{isReady: tt.ready, verdict: &Verdict{Server: "not yet", Address: "ready", Reasons: []string{"anna logged in"}}}
			err := r.judge(tt.found, tt.own)
			if tt.says == "" && err != nil || tt.says != "" && (!errors.Is(err, ErrFound) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestVerdictOf(t *testing.T) {
	verdict := func(s evidence.State, quiet time.Duration) evidence.Verdict {
		return evidence.Verdict{State: s, Quiet: quiet, Needed: 72 * hour, Reasons: []evidence.Reason{{Text: string(s)}}}
	}
	tests := []struct {
		server, address evidence.Verdict
		ready           bool
		quiet           int
	}{
		{verdict(evidence.Ready, 80*hour), verdict(evidence.Ready, 75*hour), true, 75},
		{verdict(evidence.NotYet, 8*hour), verdict(evidence.Ready, 75*hour), false, 8},
		{verdict(evidence.Ready, 80*hour), verdict(evidence.Blind, 0), false, 0},
	}
	for _, tt := range tests {
		v, ready := verdictOf(control.Status{Server: tt.server, Address: tt.address})
		if ready != tt.ready || v.Quiet != tt.quiet || v.Needed != 72 || len(v.Reasons) != 2 {
			t.Errorf("%s, %s: %t, %+v", tt.server.State, tt.address.State, ready, v)
		}
	}
	if got := (*Verdict)(nil).inTheWay(); got != "" {
		t.Error(got)
	}
}
