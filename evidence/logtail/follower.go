package logtail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// Testimony is what a Follower needs of the ledger.
type Testimony interface {
	Testify(ctx context.Context, observations []evidence.Observation, coverage []evidence.Coverage, offset *ledger.Offset, delivered ...evidence.LocalDelivery) error
	Withdraw(ctx context.Context, source string, from time.Time) error
	Offset(ctx context.Context, source string) (ledger.Offset, error)
	Observations(ctx context.Context, since time.Time, yield func(evidence.Observation) bool) error
}

// Options describe one log.
type Options struct {
	Config
	Journal    *Journal      // read instead of a file
	Path       string        // absolute; a pattern (*, ?, [) means that the newest match is being written to
	Every      time.Duration // between two looks; 0 is one second
	Beat       time.Duration // coverage without use is written to the ledger at most this often; 0 is ten seconds
	History    time.Duration // how far back logs are read at the first start; 0 is 400 days
	MaxSilence time.Duration // a log that says nothing at all for longer is blind from then on; 0 is never
}

// Follower follows one log. Poll and the goroutine of Start must not run at the same time; Status may be called at any time.
type Follower struct {
	o     Options
	t     Testimony
	clock clock.Clock
	log   logrus.FieldLogger

	restored  bool
	state     *State
	pos       position
	file      logFile
	entries   *entries        // of the journal, while journalctl runs
	queue     []candidate     // of a folder: what is still to be read in this poll, the first is open
	begun     bool            // this poll has looked into the folder
	since     time.Time       // of a file in a folder: lines up to then do not count
	looked    time.Time       // when all files of the folder were looked at
	asleep    map[string]bool // files of the folder, by path, that are looked at then only
	encoding  encoding        // of the file
	unsniffed bool            // it is not known yet
	buffer    []byte
	batch     batch

	now       time.Time // of this poll
	committed time.Time // when the ledger was last written to
	heard     time.Time // when the last line was read
	skewed    time.Time // the last stamp that cannot be true
	live      time.Time // when the log was last read to its end in this run
	missing   time.Time // since when the file has not been there
	failure   string    // why the file could not be read, this time
	unwritten bool      // the ledger did not take the batch
	doubted   string    // why the log is not believed in this poll; "" if it is
	example   string
	progress  Progress  // of this poll
	told      time.Time // when the service's log told of it
	pulse     pulse

	mu     sync.Mutex
	status Status
	doubt  doubt

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
	if o.Journal == nil && !filepath.IsAbs(o.Path) {
		return nil, fmt.Errorf("log %s: %q is not an absolute path", o.Source, o.Path)
	}
	if _, err := filepath.Match(o.Path, ""); err != nil {
		return nil, fmt.Errorf("log %s: %q: %w", o.Source, o.Path, err)
	}
	for _, d := range o.Dialects {
		if !known(d) {
			return nil, fmt.Errorf("log %s: unknown dialect %q", o.Source, d)
		}
	}
	if d, ok := formatOf(o.Dialects); ok && len(o.Dialects) > 1 {
		return nil, fmt.Errorf("log %s: files of %s hold no other dialect", o.Source, d.name)
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.History <= 0 {
		o.History = 400 * 24 * time.Hour
	}
	if o.Beat <= 0 {
		o.Beat = 10 * time.Second
	}
	f := &Follower{o: o, t: t, clock: c, log: log.WithField("source", o.Source), buffer: make([]byte, bufferSize), asleep: make(map[string]bool)}
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

func (f *Follower) run(ctx context.Context) {
	defer close(f.done)
	defer f.close()
	every := f.o.Every
	if f.isFolder() {
		every *= folderEvery
	}
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
		if f.clock.Sleep(ctx, every) != nil {
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
	f.heard = f.clock.Now()
	f.pos.beginAt(f.heard)
	f.state = NewState(f.o.Config, f.heard)
	f.state.restore(f.pos.State)
	since := f.heard.Add(-sessionAge)
	err = f.t.Observations(ctx, since, func(o evidence.Observation) bool {
		f.state.reopen(o)
		if o.Source == f.o.Source {
			f.pos.showed(o)
		}
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
	if f.entries != nil {
		f.entries.close()
		f.entries = nil
	}
}
