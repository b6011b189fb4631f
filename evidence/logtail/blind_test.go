package logtail

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
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

// The few lines of one server do not hide behind the many of another: who updated Dovecot on a server that gets spam all day sees nothing of its logins.
func TestUnparsedLinesOfOneDialectMakeBlind(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-30, "anna"))
	b.poll()
	for i := range 6 {
		for range 300 {
			b.write(b.path, noon.Add(time.Duration(i-20)*time.Minute).Format(time.Stamp)+" mx postfix/smtpd[1]: connect from unknown[203.0.113.4]\n")
		}
		b.write(b.path, noon.Add(time.Duration(i-20)*time.Minute).Format(time.Stamp)+" mx dovecot: imap-login: Welcome to the new format\n")
	}
	b.poll()
	b.restart()
	b.at(1)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "% of the lines of dovecot are not understood") || s.Unparsed > rateAllowed {
		t.Errorf("%+v", s)
	}
	b.want("anna", span(-30, 0))
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

// A log of warnings and refusals is a mail server's too: it is watched from the first line on that shows a message or a login, were it one of our own.
func TestALogThatNeverShowedUse(t *testing.T) {
	for name, c := range map[string]struct {
		kind, noise, use string
	}{
		"mail.warn": {Postfix, "Nov 23 11:%02d:00 mx postfix/smtpd[1]: warning: hostname a.example does not resolve to address 203.0.113.4\n",
			"Nov 23 12:01:30 mx postfix/smtpd[1]: 2BC793B8A4: client=c.example[203.0.113.4]\n"},
		"rejectlog": {Exim, "2026-11-23 11:%02d:00 H=(x) [203.0.113.4] F=<a@b.example> rejected RCPT <anna@example.com>: no such user\n",
			"2026-11-23 12:01:30 1rHqcV-00000005Ttq-2f5Z <= a@b.example H=c.example [203.0.113.4] P=esmtp S=1\n"},
		"failed logins": {"", "Nov 23 11:%02d:00 mx dovecot: imap-login: Disconnected (auth failed, 1 attempts): user=<anna>, method=PLAIN, rip=203.0.113.4\n",
			"Nov 23 12:01:30 mx dovecot: imap-login: Login: user=<us>, method=PLAIN, rip=127.0.0.25, session=<own>\n"},
		"what Exchange sends": {ExchangeSMTP, "2026-11-23T11:%02d:00.000Z,Outbound,08DE000000000102,1,192.0.2.10:50002,203.0.113.25:25,>,EHLO ex01,\r\n",
			"2026-11-23T12:01:29.000Z,Default,08DE1,1,192.0.2.10:25,203.0.113.25:4711,<,MAIL FROM:<a@b.example>,\r\n" +
				"2026-11-23T12:01:29.000Z,Default,08DE1,2,192.0.2.10:25,203.0.113.25:4711,<,BDAT 1 LAST,\r\n" +
				"2026-11-23T12:01:30.000Z,Default,08DE1,3,192.0.2.10:25,203.0.113.25:4711,>,250 2.6.0 Queued mail for delivery,\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(o *Options) {
				o.Own = []netip.Prefix{netip.MustParsePrefix("127.0.0.25/32")}
				if c.kind != "" {
					o.Dialects = []string{c.kind}
				}
			})
			for minute := range 50 {
				b.write(b.path, fmt.Sprintf(c.noise, minute))
			}
			b.poll()
			if s := b.f.Status(); !strings.HasPrefix(s.Blind, "no message and no login was ever found in "+b.path) || len(b.memory.coverage) != 0 {
				t.Errorf("blind because of %q, coverage %v", s.Blind, b.memory.coverage)
			}
			b.at(2)
			b.write(b.path, c.use)
			b.poll()
			b.restart()
			b.at(3)
			b.poll()
			if s := b.f.Status(); s.Blind != "" || !reflect.DeepEqual(b.memory.coverage, evidence.Spans{span(1.5, 3)}) {
				t.Errorf("blind because of %q, coverage %v", s.Blind, b.memory.coverage)
			}
		})
	}
}

// An earlier version did not keep that a log had shown use; the ledger knows it.
func TestProofOfAnEarlierVersion(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.memory.offset.Position = regexp.MustCompile(`"(proven":true|last_login":"[^"]*"),`).ReplaceAllString(b.memory.offset.Position, "")
	if strings.Contains(b.memory.offset.Position, "proven") {
		t.Fatal(b.memory.offset.Position)
	}
	b.restart()
	b.at(1)
	b.poll()
	if s := b.f.Status(); s.Blind != "" || !s.LastLogin.Equal(noon.Add(-10*time.Minute)) {
		t.Errorf("%+v", s)
	}
	b.want("anna", span(-10, 1))
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

// One stamp of a time to come hides no silence after it.
func TestSilenceAfterAStampOfTheFuture(t *testing.T) {
	b := newBench(t, func(o *Options) { o.MaxSilence = 10 * time.Minute })
	b.write(b.path, login(-1, "anna"))
	b.poll()
	b.at(1)
	b.write(b.path, login(600, "bob"))
	b.poll()
	b.restart()
	b.at(20)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "nothing was written since 2026-11-23T12:01:00Z") || s.LastLine.After(noon.Add(time.Minute)) {
		t.Errorf("%+v", s)
	}
	b.want("anna bob", span(-1, 11))
}

// A restart forgets neither that stamps are wrong nor up to when the log had been read: a line from before proves nothing about the time since.
func TestWrongClockOverARestart(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(1)
	b.write(b.path, login(-60, "b"), login(-60, "c"), login(-60, "d"))
	b.poll()
	for i := range 3 {
		b.at(float64(20 * (i + 1)))
		b.restart()
		b.write(b.path, login(float64(20*i-60), fmt.Sprint("e", i)))
		b.poll()
		b.poll()
		if s := b.f.Status(); !strings.Contains(s.Blind, "time is wrong") {
			t.Errorf("after restart %d: blind because of %q", i+1, s.Blind)
		}
	}
	b.at(65)
	b.write(b.path, login(64, "f"))
	b.poll()
	b.want("anna b c d e0 e1 e2 f", span(-10, 0), span(64, 65))
}

// What others write into the same log does not end a mail server's silence.
func TestSilenceAmongOthers(t *testing.T) {
	for _, dialects := range [][]string{nil, {Dovecot}} {
		b := newBench(t, func(o *Options) { o.MaxSilence, o.Dialects = 10*time.Minute, dialects })
		b.write(b.path, login(-30, "anna"))
		for i := range 30 {
			b.write(b.path, noon.Add(time.Duration(i-29)*time.Minute).Format(time.Stamp)+" mx container[1]: imap login of bob\n")
		}
		b.poll()
		b.want("anna", span(-30, -20))
		if s := b.f.Status(); !strings.HasPrefix(s.Blind, "no line of ") || !strings.Contains(s.Blind, "was written since 2026-11-23T11:30:00Z") {
			t.Errorf("blind because of %q", s.Blind)
		}
		b.restart()
		b.at(1)
		b.poll()
		b.want("anna", span(-30, -20))
	}
}

// Nor do they in a file that was rotated meanwhile, or where there is more to read.
func TestSilenceAmongOthersBefore(t *testing.T) {
	b := newBench(t, func(o *Options) { o.MaxSilence = 10 * time.Minute })
	b.write(b.path, login(-60, "anna"))
	for i := range 30 {
		b.write(b.path, noon.Add(time.Duration(i-59)*time.Minute).Format(time.Stamp)+" mx container[1]: imap login of bob\n")
	}
	b.rename(b.path, b.path+".1")
	b.write(b.path, login(-5, "carol"))
	b.poll()
	b.want("anna carol", span(-60, -50), span(-5, 0))
}

// MDaemon writes a session when it has ended: its stamps are old, and true.
func TestSessionsThatAreWrittenLate(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Dialects = []string{MDaemon} })
	line := func(minute float64, text string) {
		b.write(b.path, noon.Add(time.Duration(minute*float64(time.Minute))).Format("Mon 2006-01-02 15:04:05.000")+": 05: "+text+"\r\n")
	}
	for _, text := range []string{"Accepting IMAP connection from 203.0.113.4:4711 to 192.0.2.1:143", "<-- 1 LOGIN bob@example.com ******", "--> 1 OK LOGIN completed", "<-- 2 LOGOUT", "--> * BYE"} {
		line(-60, text)
	}
	b.poll()
	b.at(50)
	b.poll()
	b.at(60)
	for _, text := range []string{"Accepting IMAP connection from 203.0.113.5:4712 to 192.0.2.1:143", "<-- 1 LOGIN anna@example.com ******", "--> 1 OK LOGIN completed", "<-- 2 LOGOUT", "--> * BYE"} {
		line(0, text)
	}
	b.poll()
	if s := b.f.Status(); s.Blind != "" {
		t.Errorf("blind: %s", s.Blind)
	}
	b.want("bob@example.com anna@example.com", span(-60, 60))
}

// A machine that loses power leaves zeros where it had room for lines, within a line at times. The line after them is read, however many they are; what they stand for is lost.
func TestZerosAfterPowerWasLost(t *testing.T) {
	for _, zeros := range []int{1, lineLimit - 1, lineLimit + 1, bufferSize - 1, bufferSize, 3*bufferSize + 7} {
		t.Run(fmt.Sprint(zeros), func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(-1, "anna"))
			b.poll()
			b.at(1)
			b.write(b.path, strings.Repeat("\x00", zeros))
			b.poll()
			b.at(2)
			b.write(b.path, login(1.5, "bob"), login(1.6, "carol"))
			b.poll()
			if got := b.memory.coverage; len(got) != 2 || got[0].To.After(noon.Add(time.Minute)) || got[1].From.Before(noon.Add(time.Minute)) {
				t.Errorf("coverage %v", got)
			}
			if s := b.f.Status(); s.Blind != "" || s.Unparsed != 0 || b.users() != "anna bob carol" {
				t.Errorf("%q, %+v", b.users(), s)
			}
			b.at(3)
			b.write(b.path, login(2.5, "dora")[:40], "\x00\x00\x00", login(2.9, "eve"))
			b.poll()
			if got := b.memory.coverage; b.users() != "anna bob carol eve" || !got.End().Equal(noon.Add(3*time.Minute)) || !got[2].From.Equal(noon.Add(174*time.Second)) {
				t.Errorf("%q, coverage %v", b.users(), got)
			}
		})
	}
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
