package logtail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// memory is a ledger's Testimony that forgets when the test ends.
type memory struct {
	mu           sync.Mutex
	observations []evidence.Observation
	coverage     evidence.Spans
	offset       ledger.Offset
	commits      int
	failure      error
}

func (m *memory) Testify(_ context.Context, o []evidence.Observation, c []evidence.Coverage, offset *ledger.Offset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	m.observations = append(m.observations, o...)
	for _, c := range c {
		m.coverage = m.coverage.Add(c.Span)
	}
	if offset != nil {
		m.offset = *offset
	}
	m.commits++
	return nil
}

func (m *memory) Offset(context.Context, string) (ledger.Offset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.offset.Source == "" {
		return ledger.Offset{}, ledger.ErrNotFound
	}
	return m.offset, m.failure
}

func (m *memory) Observations(_ context.Context, since time.Time, yield func(evidence.Observation) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.observations {
		if !o.At.Before(since) && !yield(o) {
			break
		}
	}
	return m.failure
}

// handClock stands still until it is moved. Nothing in these tests waits for it.
type handClock struct {
	clock.Clock
	now time.Time
}

func (c *handClock) Now() time.Time { return c.now }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bench is a log in a folder of its own, a ledger, a clock, and a follower.
type bench struct {
	t      *testing.T
	path   string
	memory *memory
	clock  *handClock
	o      Options
	f      *Follower
}

func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "mail.log"), memory: &memory{}, clock: &handClock{now: noon}}
	b.o = Options{Config: Config{Source: "log"}, Path: b.path, Beat: time.Nanosecond}
	for _, c := range change {
		c(&b.o)
	}
	b.restart()
	return b
}

// restart makes a follower that knows only what the ledger knows.
func (b *bench) restart() {
	b.t.Helper()
	log, _ := test.NewNullLogger()
	f, err := New(b.o, b.memory, b.clock, log)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.f != nil {
		b.f.close()
	}
	b.f = f
	b.t.Cleanup(f.close)
}

func (b *bench) poll() {
	b.t.Helper()
	if err := b.f.Poll(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// at moves the clock to so many minutes after noon.
func (b *bench) at(minutes float64) {
	b.clock.now = noon.Add(time.Duration(minutes * float64(time.Minute)))
}

// write appends to a file, as a log daemon does.
func (b *bench) write(path string, lines ...string) {
	b.t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(strings.Join(lines, "")); err != nil {
		b.t.Fatal(err)
	}
	b.touch(path)
}

// touch gives a file the clock's time.
func (b *bench) touch(path string) {
	b.t.Helper()
	if err := os.Chtimes(path, b.clock.now, b.clock.now); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) rename(from, to string) {
	b.t.Helper()
	if err := os.Rename(from, to); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) truncate() {
	b.t.Helper()
	if err := os.Truncate(b.path, 0); err != nil {
		b.t.Fatal(err)
	}
	b.touch(b.path)
}

// login is a line by which a user logs in, so many minutes after noon.
func login(minutes float64, user string) string {
	at := noon.Add(time.Duration(minutes * float64(time.Minute)))
	return fmt.Sprintf("%s mx dovecot: imap-login: Login: user=<%s>, method=PLAIN, rip=203.0.113.5, lip=192.0.2.1, mpid=7, TLS, session=<%s>\n",
		at.Format(time.Stamp), user, user)
}

func (b *bench) users() string {
	var all []string
	for _, o := range b.memory.observations {
		all = append(all, o.Sender)
	}
	return strings.Join(all, " ")
}

func (b *bench) want(users string, spans ...evidence.Span) {
	b.t.Helper()
	if got := b.users(); got != users {
		b.t.Errorf("users: got %q, want %q", got, users)
	}
	if got := b.memory.coverage; len(got)+len(spans) > 0 && !reflect.DeepEqual(got, evidence.Spans(spans)) {
		b.t.Errorf("coverage: got %v, want %v", got, spans)
	}
}

func span(from, to float64) evidence.Span {
	return evidence.Span{From: noon.Add(time.Duration(from * float64(time.Minute))), To: noon.Add(time.Duration(to * float64(time.Minute)))}
}

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

func TestRotationByRename(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(0, "anna"))
			b.poll()
			b.at(1)
			b.write(b.path, login(0.5, "bob"))
			b.rename(b.path, b.path+".1")
			b.write(b.path+".1", login(0.6, "carol")) // the daemon has not noticed yet
			if restart {
				b.restart()
			}
			b.poll()
			b.at(1.5)
			b.write(b.path+".1", strings.TrimSuffix(login(1.2, "dora"), "\n"))
			b.at(2)
			b.write(b.path, login(1.6, "eve"))
			b.poll()
			b.want("anna bob carol dora eve", span(0, 2))
			if s := b.f.Status(); s.Blind != "" || s.File != b.path {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestRotationsWhileAway(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	for i, name := range []string{"bob", "carol"} {
		b.at(float64(10 * (i + 1)))
		if i > 0 {
			b.rename(b.path+".1", b.path+".2")
		}
		b.rename(b.path, b.path+".1")
		b.write(b.path, login(float64(10*(i+1)), name))
	}
	b.at(30)
	b.restart()
	b.poll()
	b.want("anna bob carol", span(0, 30))
}

func TestPlaceLostWhileAway(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.at(5)
	b.write(b.path, login(3, "lost"))
	b.rename(b.path, b.path+".2.gz")
	b.at(20)
	b.write(b.path+".1", login(20, "bob"))
	b.at(30)
	b.write(b.path, login(30, "carol"))
	b.at(40)
	b.restart()
	b.poll()
	b.want("anna bob carol", span(20, 40))
}

func TestCopyTruncate(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(0, "anna"))
			b.poll()
			b.at(1)
			b.write(b.path, login(0.5, "bob"))
			whole, err := os.ReadFile(b.path)
			if err != nil {
				t.Fatal(err)
			}
			b.write(b.path+".1", string(whole))
			b.at(2)
			b.truncate()
			b.at(3)
			// Longer than before: the size alone tells nothing.
			b.write(b.path, login(2.5, "a-user-with-a-long-name"), login(2.6, "carol"), login(2.7, "dora"))
			if restart {
				b.restart()
			}
			b.poll()
			b.at(4)
			b.poll()
			b.want("anna bob a-user-with-a-long-name carol dora", span(0, 4))
		})
	}
}

func TestTruncatedWithoutACopy(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(1)
	b.truncate()
	b.poll()
	b.at(2)
	b.poll()
	b.at(5)
	b.write(b.path, login(4, "bob"))
	b.poll()
	b.want("anna bob", span(-10, 0), span(1, 5))
}

func TestMissing(t *testing.T) {
	b := newBench(t)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "missing") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.at(1)
	b.write(b.path, login(0.5, "anna"))
	b.poll()
	b.want("anna", span(0.5, 1))
	// Away for as long as rotation takes, and then for longer.
	b.at(2)
	b.rename(b.path, b.path+".old")
	b.poll()
	b.want("anna", span(0.5, 1))
	b.at(2.5)
	b.write(b.path, login(2.4, "bob"))
	b.poll()
	b.want("anna bob", span(0.5, 2.5))
	b.at(3)
	b.rename(b.path, b.path+".older")
	b.poll()
	b.at(10)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "missing") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.write(b.path, login(9, "carol"))
	b.at(11)
	b.poll()
	b.want("anna bob carol", span(0.5, 2.5), span(9, 11))
}

func TestUnreadable(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.restart()
	b.at(5)
	b.write(b.path, login(4, "bob"))
	// A file that cannot be read, also for root: its place is taken by one that is not there.
	b.rename(b.path, b.path+".0")
	if err := os.Symlink(b.path+".0/no", b.path); err != nil {
		t.Fatal(err)
	}
	b.poll()
	if s := b.f.Status(); s.Blind == "" {
		t.Error("not blind")
	}
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.rename(b.path+".0", b.path)
	b.at(5.5)
	b.poll()
	b.want("anna bob", span(0, 5.5))
}

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

func TestPattern(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Path = filepath.Join(filepath.Dir(o.Path), "mail-*.log") })
	day := func(d int) string { return filepath.Join(filepath.Dir(b.path), fmt.Sprintf("mail-2026-11-%d.log", d)) }
	b.write(day(23), login(-10, "anna"))
	b.poll()
	b.at(1)
	b.write(day(23), login(0.5, "bob"))
	b.at(2)
	b.write(day(24), login(1.5, "carol"))
	b.poll()
	b.want("anna bob carol", span(-10, 2))
	if s := b.f.Status(); s.File != day(24) || s.Blind != "" {
		t.Errorf("status %+v", s)
	}
}

func TestReadsPredecessorsFirst(t *testing.T) {
	b := newBench(t)
	b.at(-120)
	b.write(b.path+".2.gz", "not a log")
	b.write(b.path+".1", login(-180, "anna"))
	b.write(b.path+".orig", login(-180, "nobody"))
	b.at(0)
	b.write(b.path, login(-60, "bob"))
	b.poll()
	b.want("anna bob", span(-180, 0))
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

func TestPositionOfAnotherKind(t *testing.T) {
	b := newBench(t)
	b.memory.offset = ledger.Offset{Source: "log", Position: "s=journal cursor"}
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.want("anna", span(-10, 0))
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
