package logtail

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/ledger"
)

func TestUnparsedLinesMakeBlind(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(1)
	for i := range 6 {
		b.write(b.path, noon.Add(time.Duration(i)*time.Second).Format(time.Stamp)+" mx dovecot: imap-login: Welcome to the new format\n")
	}
	b.poll()
	s := b.f.Status()
	if !strings.Contains(s.Blind, "not understood") || s.Unparsed < 0.5 || !strings.Contains(s.Example, "new format") {
		t.Errorf("status %+v", s)
	}
	b.at(2)
	b.poll()
	b.restart()
	b.at(3)
	b.poll()
	b.want("anna", span(-10, 0))
	var good []string
	for i := range 300 {
		good = append(good, login(3, fmt.Sprintf("u%d", i)))
	}
	b.at(4)
	b.write(b.path, good...)
	b.poll()
	b.at(5)
	b.poll()
	if s := b.f.Status(); s.Blind != "" {
		t.Errorf("still blind: %s", s.Blind)
	}
	if got := b.memory.coverage; len(got) != 2 || !got[1].From.Equal(noon.Add(3*time.Minute)) || !got[1].To.Equal(b.clock.now) {
		t.Errorf("coverage %v", got)
	}
}

func TestALogThatNeverSpokeOfMail(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Dialects = []string{Postfix, Dovecot} })
	b.write(b.path, "Nov 23 11:00:00 mx CRON[1]: (root) CMD (true)\n")
	b.poll()
	b.at(1)
	b.write(b.path, login(0.5, "anna"))
	b.poll()
	if s := b.f.Status(); s.Blind != "no line of postfix was ever found in "+b.path {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.want("anna")
	b.at(2)
	b.write(b.path, "Nov 23 12:01:30 mx postfix/smtpd[1]: connect from unknown[203.0.113.4]\n")
	b.poll()
	b.want("anna", span(1.5, 2))
	b.restart()
	b.at(3)
	b.poll()
	b.want("anna", span(1.5, 3))
}

func TestWrongClock(t *testing.T) {
	for name, shift := range map[string]float64{"ahead": 60, "behind": -60} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(-10, "anna"))
			b.poll()
			b.at(1)
			b.write(b.path, login(shift, "b"))
			b.poll()
			if s := b.f.Status(); s.Blind != "" {
				t.Errorf("blind after one line: %s", s.Blind)
			}
			b.at(2)
			b.write(b.path, login(shift, "c"), login(shift, "d"))
			b.poll()
			if s := b.f.Status(); !strings.Contains(s.Blind, "time is wrong") {
				t.Errorf("blind because of %q", s.Blind)
			}
			b.at(5)
			b.write(b.path, login(4, "e"))
			b.poll()
			b.want("anna b c d e", span(-10, 1), span(4, 5))
		})
	}
}

func TestSilence(t *testing.T) {
	b := newBench(t, func(o *Options) { o.MaxSilence = 10 * time.Minute })
	b.write(b.path, login(-60, "anna"), login(-30, "bob"), login(-25, "carol"))
	b.poll()
	b.want("anna bob carol", span(-60, -50), span(-30, -15))
	if s := b.f.Status(); !strings.Contains(s.Blind, "nothing was written") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.at(1)
	b.write(b.path, login(0.5, "dora"))
	b.poll()
	b.at(2)
	b.poll()
	b.want("anna bob carol dora", span(-60, -50), span(-30, -15), span(0.5, 2))
}

func TestOverlongLines(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"), strings.Repeat("x", lineLimit+1), "\n", login(-9, "bob"), strings.Repeat("y", 3*bufferSize+7))
	b.poll()
	b.restart()
	b.at(1)
	b.write(b.path, "the end\n", login(0.5, "carol"))
	b.poll()
	b.want("anna bob carol", span(-10, 1))
}

func TestLedgerRefuses(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.write(b.path, login(0.5, "bob"))
	b.at(1)
	b.memory.failure = errors.New("full")
	for range 2 {
		if err := b.f.Poll(t.Context()); err == nil || !strings.Contains(err.Error(), "recording log log: full") {
			t.Fatalf("got %v", err)
		}
	}
	b.memory.failure = nil
	b.at(2)
	b.poll()
	b.want("anna bob", span(-10, 1))
	b.at(3)
	b.poll()
	b.want("anna bob", span(-10, 3))
}

func TestCrashBeforeTheCommitRepeatsNothing(t *testing.T) {
	b := newBench(t)
	b.write(b.path, "Nov 23 11:00:00 mx postfix/smtpd[1]: 2BC793B8A4: client=a.example[203.0.113.4]\n")
	b.poll()
	b.restart()
	b.at(1)
	b.memory.failure = errors.New("full")
	b.write(b.path, "Nov 23 11:00:01 mx postfix/qmgr[1]: 2BC793B8A4: from=<x@a.example>, size=1, nrcpt=1 (queue active)\n")
	if err := b.f.Poll(t.Context()); err == nil {
		t.Fatal("no error")
	}
	b.memory.failure = nil
	b.restart() // the state that joins the lines comes from the ledger
	b.at(2)
	b.poll()
	b.want("a.example", span(-60, 2))
}

func TestPositionOfAnotherKind(t *testing.T) {
	b := newBench(t)
	b.memory.offset = ledger.Offset{Source: "log", Position: "s=journal cursor"}
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.want("anna", span(-10, 0))
}
