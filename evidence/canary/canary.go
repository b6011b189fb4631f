package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/internal/clock"
	"posthouse/ledger"
)

// Kind is that of a test.
type Kind string

// The kinds of test traffic.
const (
	Mail     Kind = "mail"
	Login    Kind = "login"
	Listener Kind = "listener"
)

const (
	fact     = "canary"    // in the ledger
	testTime = time.Minute // for one test, real time
)

// Config is what the tests are made of. Without a time between them there are none.
type Config struct {
	Every  time.Duration // the time between two tests of a kind
	Retry  time.Duration // that after one that could not be made
	Within time.Duration // in which a test must show up

	// Send gives the old server a message; nil: there is no test of that kind.
	Send     func(ctx context.Context, message string) error
	From, To string
	// Login logs in to the old server, and out; nil: there is no test of that kind.
	Login func(context.Context) error
	// Listener is where the outside reaches us, by Dial; "": there is no test of that kind.
	Listener string
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)

	Host  string // in our Message-IDs
	Key   []byte // by which they are known as ours
	Facts ledger.Facts
	Clock clock.Clock
	Log   logrus.FieldLogger
}

// Canary sends test traffic and looks whether it shows up in the logs. Safe for concurrent use.
type Canary struct {
	cfg Config

	mu   sync.Mutex
	runs map[Kind]*run
}

// run is the last test of a kind.
type run struct {
	At    time.Time            `json:"at"`
	Error string               `json:"error,omitempty"`
	Shown map[string]time.Time `json:"shown,omitempty"` // by log: the time of the last test that showed up in it
	Await map[string]time.Time `json:"await,omitempty"` // by log: the time of the first test since that has not shown up yet
	Lost  map[string]bool      `json:"lost,omitempty"`  // logs in which the last decided test did not
}

// Open takes up what is known of earlier tests: a log that was blind stays so over a restart.
func Open(ctx context.Context, cfg Config) (*Canary, error) {
	c := &Canary{cfg: cfg, runs: map[Kind]*run{}}
	text, err := c.cfg.Facts.Fact(ctx, fact)
	if errors.Is(err, ledger.ErrNotFound) || c.cfg.Every == 0 {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &c.runs)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what is known of the canary: %w", err)
	}
	for _, run := range c.runs {
		run.open()
	}
	return c, nil
}

// open makes what is written to, and what the ledger leaves out where it is empty.
func (r *run) open() {
	for _, m := range []*map[string]time.Time{&r.Shown, &r.Await} {
		if *m == nil {
			*m = map[string]time.Time{}
		}
	}
	if r.Lost == nil {
		r.Lost = map[string]bool{}
	}
}

// Keep makes durable what is known.
func (c *Canary) Keep(ctx context.Context) error {
	if len(c.kinds()) == 0 {
		return nil
	}
	c.mu.Lock()
	text, err := json.Marshal(c.runs)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if before, err := c.cfg.Facts.Fact(ctx, fact); err == nil && before == string(text) {
		return nil
	}
	return c.cfg.Facts.SetFact(ctx, fact, string(text))
}

// kinds are the tests that are configured.
func (c *Canary) kinds() (kinds []Kind) {
	for _, k := range []struct {
		kind  Kind
		given bool
	}{{Mail, c.cfg.Send != nil}, {Login, c.cfg.Login != nil}, {Listener, c.cfg.Listener != ""}} {
		if c.cfg.Every > 0 && k.given {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// Fly runs the tests whose time has come.
func (c *Canary) Fly(ctx context.Context) error {
	for _, kind := range c.kinds() {
		now := c.cfg.Clock.Now()
		c.mu.Lock()
		last := c.runs[kind]
		c.mu.Unlock()
		if last != nil && now.Sub(last.At) < c.pause(last) {
			continue
		}
		testing, cancel := context.WithTimeout(ctx, testTime)
		err := c.test(testing, kind, now)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.ran(kind, now, err)
	}
	return nil
}

// pause is the time until the next test; one that could not be made says nothing, and is made again sooner.
func (c *Canary) pause(last *run) time.Duration {
	if last.Error != "" {
		return min(c.cfg.Every, c.cfg.Retry)
	}
	return c.cfg.Every
}

// ran notes a test. One that could not be made leaves what is known of the logs as it was.
func (c *Canary) ran(kind Kind, at time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	run := &run{At: at}
	run.open()
	if before := c.runs[kind]; before != nil {
		maps.Copy(run.Shown, before.Shown)
		maps.Copy(run.Await, before.Await)
		maps.Copy(run.Lost, before.Lost)
	}
	c.runs[kind] = run
	if err != nil {
		run.Error = err.Error()
		c.cfg.Log.WithError(err).WithField("kind", string(kind)).Warn("canary: the test could not be made")
	}
}
