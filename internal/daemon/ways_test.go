package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/evidence/canary"
)

// Ways in which a log dies while the old server works on. Each makes the verdict blind, tells why, and never lets it be ready: users log in, and nobody sees them.
func TestAWeekInWhichALogDiesInOtherWays(t *testing.T) {
	for _, way := range []struct {
		name    string
		silence time.Duration
		canary  bool
		die     func(w *week) // once
		write   func(w *week) // instead of what it wrote before
		reason  string
		within  time.Duration
	}{
		{name: "the path vanishes", die: func(w *week) { w.move("elsewhere") }, reason: " is missing", within: time.Hour + 40*time.Minute},
		{name: "nobody may read it", die: func(w *week) { w.move("old"); w.must(os.Mkdir(w.path, 0o700)) }, reason: " is missing", within: time.Hour + 40*time.Minute},
		{name: "the folder becomes a file", die: func(w *week) {
			w.must(os.Rename(filepath.Dir(w.path), filepath.Dir(w.path)+".away"))
			w.must(os.WriteFile(filepath.Dir(w.path), nil, 0o600))
		}, reason: " is missing", within: time.Hour + 40*time.Minute},
		{name: "another format", write: func(w *week) {
			w.line(`{"time":"%s","service":"imap-login","event":"login","user":"bob"}`, w.clock.now.Format(time.RFC3339))
		}, reason: "of the lines are not understood", within: 8 * time.Hour},
		{name: "the clock of the old server is set", write: func(w *week) {
			w.line("%s old dovecot: imap-login: Disconnected (no auth attempts)", w.clock.now.Add(-26*time.Hour).Format(time.RFC3339))
		}, reason: "the last line's time is wrong", within: 2 * time.Hour},
		{name: "another tag", canary: true, write: func(w *week) {
			w.line("%s old container-7[1]: login of bob", w.clock.now.Format(time.RFC3339))
		}, reason: "does not show up in it", within: 8 * time.Hour},
		{name: "another tag, no canary", silence: 6 * time.Hour, write: func(w *week) {
			w.line("%s old container-7[1]: login of bob", w.clock.now.Format(time.RFC3339))
		}, reason: "no line of dovecot was written since", within: 7 * time.Hour},
		{name: "silent", silence: 6 * time.Hour, write: func(*week) {}, reason: "nothing was written since", within: 8 * time.Hour},
		{name: "cut to nothing", silence: 6 * time.Hour, die: func(w *week) { w.must(os.Truncate(w.path, 0)) }, write: func(*week) {}, reason: "nothing was written since", within: 7 * time.Hour},
	} {
		t.Run(way.name, func(t *testing.T) {
			w := newWeek(t)
			w.silence = way.silence
			if !way.canary {
				none, err := canary.Open(t.Context(), canary.Config{Facts: w.ledger, Clock: w.clock, Log: w.Daemon.log})
				w.must(err)
				w.canary = none
			}
			w.follow()
			for w.day() < 4 {
				w.login("anna's monitor")
				if v := w.step(); w.day() > 3.9 && v.State == evidence.Blind {
					t.Fatalf("day %.2f: %+v", w.day(), v.Reasons)
				}
			}
			w.dead = true
			if way.die != nil {
				way.die(w)
			}
			var blind evidence.Verdict
			for w.day() < 7 {
				if way.write != nil {
					way.write(w)
				}
				v := w.step()
				if since := w.clock.now.Sub(noon) - 4*24*time.Hour; v.State != evidence.Blind && since > way.within {
					t.Fatalf("%s after its death it is %s: %+v", since, v.State, v.Reasons)
				}
				if v.State == evidence.Blind {
					blind = v
				}
				if d := w.day(); d > 5 && d < 5.02 {
					w.follow()
				}
			}
			if len(blind.Reasons) == 0 || !strings.Contains(blind.Reasons[0].Text, way.reason) {
				t.Errorf("the reason is %+v", blind.Reasons)
			}
		})
	}
}

func (w *week) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *week) move(name string) {
	w.t.Helper()
	w.must(os.Rename(w.path, filepath.Join(filepath.Dir(w.path), name)))
}

// line writes into the log, whether it is dead or not.
func (w *week) line(format string, values ...any) {
	w.t.Helper()
	file, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.must(err)
	defer file.Close()
	_, err = fmt.Fprintf(file, format+"\n", values...)
	w.must(err)
	w.must(os.Chtimes(w.path, w.clock.now, w.clock.now))
}

// What the commands say of a log is what the verdicts are told: one that is away while it is rotated is blind for neither, one that stays away for both.
func TestSourcesSayWhatVerdictsAreTold(t *testing.T) {
	w := newWeek(t)
	w.login("canary")
	w.step()
	w.move("mail.log.1")
	for _, c := range []struct {
		later time.Duration
		blind string
	}{{0, ""}, {90 * time.Second, ""}, {10 * time.Minute, "is missing"}} {
		w.clock.now = w.clock.now.Add(c.later)
		w.must(w.log.Poll(t.Context()))
		told := w.blinded(w.witness.Snapshot(), w.clock.now)["dovecot"]
		all := w.sources(w.witness.Snapshot(), w.clock.now)
		s := all[len(all)-1]
		if s.Name != "dovecot" || s.Blind != told || s.Fresh != (told == "") || c.blind == "" != (told == "") || !strings.Contains(told, c.blind) {
			t.Errorf("%s later: the verdicts are told %q, %+v", c.later, told, s)
		}
	}
}
