package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/bridge"
	"posthouse/evidence"
	"posthouse/evidence/canary"
	"posthouse/evidence/logtail"
	"posthouse/internal/clock"
)

// tickingClock stands still until it is moved.
type tickingClock struct {
	clock.Clock
	now time.Time
}

func (c *tickingClock) Now() time.Time { return c.now }

// week is an old server with a log, watched in virtual time.
type week struct {
	*Daemon
	t     *testing.T
	clock *tickingClock
	path  string
	log   *logtail.Follower
	dead  bool // the log is not written any more, although the server works

	silence time.Duration // max_silence
}

func newWeek(t *testing.T) *week {
	w := &week{t: t, clock: &tickingClock{now: noon}, path: filepath.Join(t.TempDir(), "dovecot.log")}
	w.Daemon = newWitness(t)
	log, _ := test.NewNullLogger()
	w.opts, w.Daemon.log = Options{Clock: w.clock}, log
	w.live.Store(newLive(w.cfg, nil, noon))
	login := func(context.Context) error { w.login("canary"); return nil }
	var err error
	if w.canary, err = canary.Open(t.Context(), canary.Config{Every: 6 * time.Hour, Within: 10 * time.Minute, Login: login, Facts: w.ledger, Clock: w.clock, Log: log}); err != nil {
		t.Fatal(err)
	}
	w.follow()
	return w
}

// follow starts a new follower, as a restart does.
func (w *week) follow() {
	w.t.Helper()
	f, err := logtail.New(logtail.Options{Config: logtail.Config{Source: "dovecot", Dialects: []string{logtail.Dovecot}, OwnUsers: []string{"canary"}}, Path: w.path, MaxSilence: w.silence}, w.witness, w.clock, w.Daemon.log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.log, w.logs = f, []*logSource{{name: "dovecot", kind: "dovecot", follower: f}}
}

func (w *week) login(user string) {
	w.t.Helper()
	if w.dead {
		return
	}
	file, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	at := w.clock.now.Format(time.RFC3339)
	fmt.Fprintf(file, "%s old dovecot: imap-login: Login: user=<%s>, method=PLAIN, rip=203.0.113.5, mpid=7, session=<%s%d>\n", at, user, user, w.clock.now.Unix())
	fmt.Fprintf(file, "%s old dovecot: imap(%s)<7><%s%d>: Logged out in=1 out=2\n", at, user, user, w.clock.now.Unix())
	if err := os.Chtimes(w.path, w.clock.now, w.clock.now); err != nil {
		w.t.Fatal(err)
	}
}

// step is a third of an hour: the canary when its time has come, a look at the log, the house-keeping, and the verdict.
func (w *week) step() evidence.Verdict {
	w.t.Helper()
	w.clock.now = w.clock.now.Add(20 * time.Minute)
	now := w.clock.now
	if err := w.canary.Fly(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.log.Poll(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.doubtLogs(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.log.Poll(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.witness.Cover(w.t.Context(), map[string]time.Time{bridge.GrowthSource: now}); err != nil {
		w.t.Fatal(err)
	}
	t := w.witness.Snapshot().WithWork(evidence.OpenWork{At: now})
	p := evidence.MailboxServer([]string{bridge.GrowthSource, "dovecot"}, nil)
	p.Stale, p.Blinded = time.Hour, w.blinded(t, now)
	return evidence.Judge(p, t, now)
}

func (w *week) day() float64 { return w.clock.now.Sub(noon).Hours() / 24 }

// A log dies in the middle of the week, and a user logs in whom nobody sees. The verdict, which was ready, is blind with the reason; it stays so when posthouse is started again. When the log
// is back the gap keeps the verdict blind until it has left the window, and what lies in it never counts as quiet.
func TestAWeekWithALogThatDies(t *testing.T) {
	w := newWeek(t)
	var story []string
	note := func(v evidence.Verdict) {
		text := string(v.State)
		if len(v.Reasons) > 0 {
			text += ": " + string(v.Reasons[0].Code)
		}
		if len(story) == 0 || !strings.HasSuffix(story[len(story)-1], " "+text) {
			story = append(story, fmt.Sprintf("%.2f %s", w.day(), text))
		}
		if v.State == evidence.Ready && w.day() > 4+6.5/24 && w.day() < 7 { // by then the next test was due, and had not shown up
			t.Fatalf("day %.2f: ready with a gap: %+v", w.day(), v)
		}
	}
	for w.day() < 4 {
		if note(w.step()); w.day() > 0.2 && w.day() < 0.22 {
			w.login("anna")
		}
	}
	w.dead = true
	var blind evidence.Verdict
	for w.day() < 5 {
		if w.login("bob"); w.day() > 4.5 && w.day() < 4.52 {
			w.follow()
		}
		v := w.step()
		note(v)
		if v.State == evidence.Blind {
			blind = v
		}
	}
	if len(blind.Reasons) == 0 || !strings.Contains(blind.Reasons[0].Text, "our own test login of") || !strings.Contains(blind.Reasons[0].Text, "does not show up in it") {
		t.Errorf("blind without its reason: %+v", blind.Reasons)
	}
	if s := w.log.Status(); !s.Doubted {
		t.Errorf("%+v", s)
	}
	w.dead = false
	var last evidence.Verdict
	for w.day() < 9 {
		last = w.step()
		note(last)
	}
	if last.State != evidence.Ready {
		t.Errorf("in the end %+v", last)
	}
	gap := w.witness.Snapshot().Coverage("dovecot")
	if len(gap) != 2 || gap[1].From.Sub(gap[0].To) < 24*time.Hour || gap[1].From.Sub(gap[0].To) > 37*time.Hour {
		t.Errorf("the gap: %v", gap)
	}
	var states []string
	for _, s := range story {
		_, state, _ := strings.Cut(s, " ")
		states = append(states, state)
	}
	want := []string{"blind: unwatched", "not yet: short", "not yet: used", "ready", "blind: unwatched", "blind: uncovered", "ready"}
	if !slices.Equal(states, want) {
		t.Errorf("the week went %q", story)
	}
}

// Lines that are not understood are an alarm before they are so many that the log is blind.
func TestUnparsedAlarm(t *testing.T) {
	w := newWeek(t)
	write := func(n int, text string) {
		t.Helper()
		file, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for range n {
			fmt.Fprintf(file, "%s old dovecot: imap-login: %s\n", w.clock.now.Format(time.RFC3339), text)
		}
	}
	write(1, "Login: user=<us>, method=PLAIN, rip=127.0.0.25, session=<own>")
	for _, step := range []struct {
		good, strange int
		want          string
	}{
		{400, 2, ""}, {100, 10, "of the lines of dovecot are not understood, such as: "}, {10, 40, ""}, // then it is blind
	} {
		write(step.good, "Disconnected")
		write(step.strange, "Welcome to the new format")
		w.clock.now = w.clock.now.Add(time.Minute)
		if err := w.log.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		var text string
		for _, a := range w.unparsedAlarms() {
			text += a.text
		}
		if step.want == "" != (text == "") || !strings.Contains(text, step.want) {
			t.Errorf("after %+v: %q", step, text)
		}
	}
	if !strings.Contains(w.log.Status().Blind, "not understood") {
		t.Errorf("not blind: %+v", w.log.Status())
	}
}
