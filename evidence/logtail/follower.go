package logtail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// Testimony is what a Follower needs of the ledger.
type Testimony interface {
	Testify(ctx context.Context, observations []evidence.Observation, coverage []evidence.Coverage, offset *ledger.Offset) error
	Offset(ctx context.Context, source string) (ledger.Offset, error)
	Observations(ctx context.Context, since time.Time, yield func(evidence.Observation) bool) error
}

// Options describe one log.
type Options struct {
	Config
	Path       string        // absolute; a pattern (*, ?, [) means that the newest match is being written to
	Every      time.Duration // between two looks; 0 is one second
	Beat       time.Duration // coverage without use is written to the ledger at most this often; 0 is ten seconds
	MaxSilence time.Duration // a log that says nothing at all for longer is blind from then on; 0 is never
}

// Status tells how a log is doing.
type Status struct {
	Name     string    `json:"name"`
	File     string    `json:"file,omitempty"`     // being read
	LastLine time.Time `json:"last_line,omitzero"` // stamp of the last line
	LastOwn  time.Time `json:"last_own,omitzero"`  // stamp of the last line that shows our own traffic
	LastRead time.Time `json:"last_read,omitzero"` // when the log was last read to its end
	Unparsed float64   `json:"unparsed"`           // share of late lines that were not understood
	Example  string    `json:"example,omitempty"`  // the last of them
	Sessions int       `json:"sessions"`           // that have not ended
	Blind    string    `json:"blind,omitempty"`    // why there is no coverage; "" if there is
}

// Follower follows one log. Poll and the goroutine of Start must not run at the same time; Status may be called at any time.
type Follower struct {
	o     Options
	t     Testimony
	clock clock.Clock
	log   logrus.FieldLogger

	restored bool
	state    *State
	pos      position
	file     *os.File
	buffer   []byte
	batch    batch

	now       time.Time // of this poll
	committed time.Time // when the ledger was last written to
	live      time.Time // when the log was last read to its end in this run
	missing   time.Time // since when the file has not been there
	failure   string    // why the file could not be read, this time
	skewed    int       // lines up to the last whose stamp cannot be true
	unwritten bool      // the ledger did not take the batch
	example   string

	mu     sync.Mutex
	status Status

	stop context.CancelFunc
	done chan struct{}
}

const (
	bufferSize = 512 << 10
	lineLimit  = 64 << 10         // a longer line is no log line
	rotating   = time.Minute      // a file may be away for so long while it is rotated
	skewLimit  = 15 * time.Minute // of stamps against the clock
	skewLines  = 3                // in a row: one may have been held up on its way
)

// New checks the options. It touches nothing.
func New(o Options, t Testimony, c clock.Clock, log logrus.FieldLogger) (*Follower, error) {
	if o.Source == "" {
		return nil, errors.New("a log without a source name")
	}
	if !filepath.IsAbs(o.Path) {
		return nil, fmt.Errorf("log %s: %q is not an absolute path", o.Source, o.Path)
	}
	if _, err := filepath.Match(o.Path, ""); err != nil {
		return nil, fmt.Errorf("log %s: %q: %w", o.Source, o.Path, err)
	}
	for _, d := range o.Dialects {
		if d != Postfix && d != Dovecot {
			return nil, fmt.Errorf("log %s: unknown dialect %q", o.Source, d)
		}
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Beat <= 0 {
		o.Beat = 10 * time.Second
	}
	f := &Follower{o: o, t: t, clock: c, log: log.WithField("source", o.Source), buffer: make([]byte, bufferSize)}
	f.status = Status{Name: o.Source, Blind: "not read yet"}
	return f, nil
}

// Start takes up the work where the ledger says it ended, and returns. The context bounds only that; Stop ends the work. A log that cannot be
// read yet is no error: see Status.
func (f *Follower) Start(ctx context.Context) error {
	if err := f.restore(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop, f.done = stop, make(chan struct{})
	go f.run(running)
	return nil
}

// Stop ends the work and waits for it, at most until the context ends. What was read and not written will be read again. Stop may be called more
// than once, and without Start.
func (f *Follower) Stop(ctx context.Context) error {
	if f.stop == nil {
		return nil
	}
	f.stop()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopping log %s: %w", f.o.Source, ctx.Err())
	}
}

// Status returns how the log was doing at the last poll.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *Follower) run(ctx context.Context) {
	defer close(f.done)
	defer f.close()
	var said string
	for {
		blind := ""
		if err := f.Poll(ctx); ctx.Err() != nil {
			return
		} else if err != nil {
			blind = err.Error()
		} else {
			blind = f.Status().Blind
		}
		f.say(said, blind)
		said = blind
		if f.clock.Sleep(ctx, f.o.Every) != nil {
			return
		}
	}
}

// say logs a change.
func (f *Follower) say(before, now string) {
	switch {
	case before == now:
	case now == "":
		f.log.Info("log is being watched again")
	default:
		f.log.WithField("reason", now).Warn("log is not being watched")
	}
}

// restore reads position and open sessions from the ledger, once.
func (f *Follower) restore(ctx context.Context) error {
	if f.restored {
		return nil
	}
	o, err := f.t.Offset(ctx, f.o.Source)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("taking up log %s: %w", f.o.Source, err)
	}
	if f.pos, err = readPosition(o); err != nil {
		f.log.WithError(err).Warn("log is read from its beginning")
	}
	f.state = NewState(f.o.Config, f.clock.Now())
	f.state.restore(f.pos.State)
	since := f.clock.Now().Add(-sessionAge)
	err = f.t.Observations(ctx, since, func(o evidence.Observation) bool {
		f.state.reopen(o)
		return true
	})
	if err != nil {
		return fmt.Errorf("reading the open sessions of log %s: %w", f.o.Source, err)
	}
	f.restored = true
	return nil
}

func (f *Follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// report makes Status true.
func (f *Follower) report() {
	s := Status{
		Name: f.o.Source, LastLine: f.pos.LastLine, LastOwn: f.state.LastOwn(), LastRead: f.live, Unparsed: f.pos.Rate.share(),
		Example: f.example, Sessions: f.state.sessions.len(), Blind: f.blind(),
	}
	if f.file != nil {
		s.File = f.file.Name()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = s
}

// blind tells why there is no coverage.
func (f *Follower) blind() string {
	unheard := f.state.unheard()
	switch {
	case f.failure != "":
		return f.failure
	case !f.missing.IsZero():
		return f.o.Path + " is missing"
	case len(unheard) > 0:
		return fmt.Sprintf("no line of %s was ever found in %s", strings.Join(unheard, ", "), f.o.Path)
	case f.pos.Rate.alarm():
		return fmt.Sprintf("%.0f %% of the lines are not understood", 100*f.pos.Rate.share())
	case f.skewed >= skewLines:
		return "the last line's time is wrong: " + f.pos.LastLine.Format(time.RFC3339) + "; look at time zone and clock"
	case f.silent(f.now):
		return "nothing was written since " + f.pos.LastLine.Format(time.RFC3339)
	}
	return ""
}

func (f *Follower) silent(now time.Time) bool {
	return f.o.MaxSilence > 0 && now.Sub(f.pos.LastLine) > f.o.MaxSilence
}

// batch is what the ledger does not know yet.
type batch struct {
	observations []evidence.Observation
	coverage     []evidence.Coverage
	begun        map[string]int // index of a session's beginning
	lines        int            // read since the last commit
}

// add takes an observation. A session that begins and ends within one batch is one observation.
func (b *batch) add(o evidence.Observation) {
	if b.begun == nil {
		b.begun = make(map[string]int)
	}
	i, begun := b.begun[o.Message]
	switch {
	case o.Message != "" && begun && !o.Until.IsZero():
		b.observations[i] = o
		delete(b.begun, o.Message)
		return
	case o.Message != "" && o.Open:
		b.begun[o.Message] = len(b.observations)
	}
	b.observations = append(b.observations, o)
}

func (b *batch) cover(source string, span evidence.Span) {
	if n := len(b.coverage); n > 0 && !b.coverage[n-1].Span.To.Before(span.From) {
		b.coverage[n-1].Span.To = span.To
		return
	}
	b.coverage = append(b.coverage, evidence.Coverage{Source: source, Span: span})
}
