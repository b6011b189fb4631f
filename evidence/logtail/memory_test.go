package logtail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

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
	delivered    []evidence.LocalDelivery
	offset       ledger.Offset
	commits      int
	failure      error
	meanwhile    func() // happens while it is written to
}

func (m *memory) Testify(_ context.Context, o []evidence.Observation, c []evidence.Coverage, offset *ledger.Offset, delivered ...evidence.LocalDelivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	m.observations = append(m.observations, o...)
	m.delivered = append(m.delivered, delivered...)
	for _, c := range c {
		m.coverage = m.coverage.Add(c.Span)
	}
	if offset != nil {
		m.offset = *offset
	}
	m.commits++
	if m.meanwhile != nil {
		m.meanwhile()
	}
	return nil
}

func (m *memory) Withdraw(_ context.Context, _ string, from time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.coverage = m.coverage.Between(time.Time{}, from)
	}
	return m.failure
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
