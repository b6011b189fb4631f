package logtail

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

func TestFollowsGrowth(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-60, "anna"), login(-30, "bob"))
	b.poll()
	b.want("anna bob", span(-60, 0))
	b.at(1)
	b.poll() // nothing new is news, too
	b.want("anna bob", span(-60, 1))
	b.write(b.path, login(1.5, "carol"))
	b.at(2)
	b.poll()
	b.want("anna bob carol", span(-60, 2))
	s := b.f.Status()
	if s.Blind != "" || s.File != b.path || !s.LastLine.Equal(noon.Add(90*time.Second)) || !s.LastRead.Equal(b.clock.now) || s.Sessions != 3 {
		t.Errorf("status %+v", s)
	}
}

func TestWaitsForTheEndOfALine(t *testing.T) {
	b := newBench(t)
	line := login(1, "bob")
	b.write(b.path, login(0, "anna"), line[:20])
	b.poll()
	b.at(1)
	b.write(b.path, line[20:60])
	b.poll()
	b.want("anna", span(0, 1))
	b.restart()
	b.at(2)
	b.write(b.path, line[60:])
	b.poll()
	b.want("anna bob", span(0, 2))
}

func TestTakesUpAfterARestart(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.at(30)
	b.write(b.path, login(20, "bob"))
	b.restart()
	b.at(60)
	b.poll()
	// The log kept what happened meanwhile: no gap.
	b.want("anna bob", span(0, 60))
}

func TestSessionsOutliveARestart(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.restart()
	b.at(10)
	b.write(b.path, noon.Add(9*time.Minute).Format(time.Stamp)+" mx dovecot: imap(anna)<7><anna>: Disconnected: Logged out in=1 out=2\n")
	b.poll()
	last := b.memory.observations[len(b.memory.observations)-1]
	if !last.At.Equal(noon) || !last.Until.Equal(noon.Add(9*time.Minute)) || last.Message != "anna" {
		t.Errorf("the end of the session is %+v", last)
	}
	if n := b.f.Status().Sessions; n != 0 {
		t.Errorf("%d sessions are open", n)
	}
}

func TestSessionWithinOneReadIsOneObservation(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-9, "anna"), login(-8, "bob"),
		noon.Add(-7*time.Minute).Format(time.Stamp)+" mx dovecot: imap(anna)<7><anna>: Disconnected: Logged out in=1 out=2\n")
	b.poll()
	b.want("anna bob", span(-9, 0))
	if o := b.memory.observations[0]; o.Open || !o.Until.Equal(noon.Add(-7*time.Minute)) {
		t.Errorf("anna's session is %+v", o)
	}
}

func TestManyBuffers(t *testing.T) {
	b := newBench(t)
	var lines []string
	for i := range 12_000 {
		lines = append(lines, login(-600+float64(i)/30, fmt.Sprintf("user%d", i)))
	}
	b.write(b.path, lines...)
	b.poll()
	if n := len(b.memory.observations); n != 12_000 {
		t.Errorf("%d observations", n)
	}
	if b.memory.commits < 3 {
		t.Errorf("only %d commits: memory is not bounded", b.memory.commits)
	}
	if got := b.memory.coverage; !reflect.DeepEqual(got, evidence.Spans{span(-600, 0)}) {
		t.Errorf("coverage %v", got)
	}
}

func TestIdleWritesAreRare(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Beat = time.Minute })
	b.write(b.path, login(-10, "anna"))
	b.poll()
	before := b.memory.commits
	for second := range 120 {
		b.at(float64(second+1) / 60)
		b.poll()
	}
	if n := b.memory.commits - before; n != 2 {
		t.Errorf("%d commits in two idle minutes, want 2", n)
	}
	b.want("anna", span(-10, 2))
}

func TestYearsAcrossNewYear(t *testing.T) {
	b := newBench(t)
	b.clock.now = time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
	b.write(b.path, "Dec 31 23:59:59 mx dovecot: imap-login: Login: user=<a>, method=PLAIN, rip=203.0.113.5, session=<1>\n")
	b.clock.now = time.Date(2027, 2, 5, 0, 0, 0, 0, time.UTC)
	b.write(b.path, "Feb  4 00:00:00 mx dovecot: imap-login: Login: user=<b>, method=PLAIN, rip=203.0.113.5, session=<2>\n")
	b.poll()
	b.want("a b", evidence.Span{From: time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), To: b.clock.now})
}

func TestNewRefuses(t *testing.T) {
	good := Options{Config: Config{Source: "log"}, Path: "/var/log/mail.log"}
	for name, change := range map[string]func(*Options){
		"no name":         func(o *Options) { o.Source = "" },
		"relative path":   func(o *Options) { o.Path = "mail.log" },
		"bad pattern":     func(o *Options) { o.Path = "/var/log/[" },
		"unknown dialect": func(o *Options) { o.Dialects = []string{"lotus"} },
	} {
		o := good
		change(&o)
		if _, err := New(o, &memory{}, clock.Real(), logrus.New()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	f, err := New(good, &memory{}, clock.Real(), logrus.New())
	if err != nil {
		t.Fatal(err)
	}
	if s := f.Status(); s.Name != "log" || s.Blind == "" {
		t.Errorf("status before the first poll: %+v", s)
	}
	if err := f.Stop(t.Context()); err != nil {
		t.Errorf("stopping what was not started: %v", err)
	}
}

func TestStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		log, hook := test.NewNullLogger()
		real := clock.Real()
		f, err := New(b.o, b.memory, real, log)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.clock.now = real.Now()
		line := strings.Replace(login(0, "anna"), noon.Format(time.Stamp), b.clock.now.Format(time.Stamp), 1)
		b.write(b.path, line)
		time.Sleep(time.Hour) // the bubble's
		synctest.Wait()
		if s := f.Status(); s.Blind != "" || s.LastRead.Before(real.Now().Add(-2*time.Second)) {
			t.Errorf("status %+v", s)
		}
		b.want("anna", evidence.Span{From: b.clock.now, To: f.Status().LastRead})
		for range 2 {
			if err := f.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		var said []string
		for _, e := range hook.AllEntries() {
			said = append(said, e.Message)
		}
		if want := []string{"log is not being watched", "log is being watched again"}; !reflect.DeepEqual(said, want) {
			t.Errorf("logged %q, want %q", said, want)
		}
	})
}

func TestStartNeedsTheLedger(t *testing.T) {
	b := newBench(t)
	b.memory.failure = ledger.ErrClosed
	b.memory.offset.Source = "log"
	if err := b.f.Start(t.Context()); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
