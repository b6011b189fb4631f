package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/internal/pace"
	"posthouse/ledger"
	"posthouse/relay/sendercheck"
)

// SenderChecks is what a listener wants to be found out about the senders of what it takes. The zero value is nothing.
type SenderChecks struct {
	// Record: SPF, DKIM and DMARC are asked, and recorded. What claims to be our own result in the message is left out on the way out.
	Record bool
	// Add: the results go out as Authentication-Results. First attempts wait for them.
	Add bool
}

// examinePatience is how long first attempts wait for results. The checks themselves give up before.
const examinePatience = 15 * time.Second

// ExaminerConfig is everything an Examiner needs.
type ExaminerConfig struct {
	Ledger  ledger.Captures
	Checker *sendercheck.Checker
	// Fronts are filters and relays in front of us: they hide the true client, and nothing is asked about them.
	Fronts  []netip.Prefix
	Workers int // checks at once
	Room    int // captures that may be waiting for their check, those being checked included
	// Rate is how many are looked at a second in the long run, beyond Room at once: a flood must not be slowed by being looked at. 0: as many as there are.
	Rate float64
	// Recorded is told of each observation whose capture was looked at, or will not be, once that is durable. It must not block. May be nil.
	Recorded func(evidence.Observation)
	// Hint says that something is due.
	Hint  func()
	Clock clock.Clock
	Log   logrus.FieldLogger
}

// Examiner finds out about the senders of captures beside their way: no reply waits for it, and where there is more to do than it has room for, captures go on without. What it found is recorded some at a time.
type Examiner struct {
	cfg     ExaminerConfig
	ctx     context.Context
	cancel  context.CancelFunc
	seats   atomic.Int64
	rate    pace.Allowance
	octets  atomic.Int64 // of bodies that wait here
	missed  atomic.Int64
	waiting chan examinee
	found   chan finding
	work    sync.WaitGroup
	records sync.WaitGroup
	stop    sync.Once
}

// examinee is a capture that is durable.
type examinee struct {
	capture  ledger.Capture
	octets   []byte // nil: to be read
	seen     evidence.Observation
	hostname string // ours, as the listener gives it; "" where results are only recorded
}

// finding is a check that is not recorded yet.
type finding struct {
	examinee
	check ledger.Check
}

// NewExaminer starts the workers.
func NewExaminer(cfg ExaminerConfig) *Examiner {
	e := &Examiner{cfg: cfg, waiting: make(chan examinee, cfg.Room), found: make(chan finding, cfg.Room)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	for range cfg.Workers {
		e.work.Go(e.examineAll)
	}
	e.records.Go(e.recordAll)
	return e
}

// Stop cuts what is under way and records what was found. What was not looked at goes on without. Idempotent.
func (e *Examiner) Stop() {
	e.cancel()
	e.work.Wait()
	e.stop.Do(func() { close(e.found) })
	e.records.Wait()
}

// sit takes a seat, if there is one. It is used by take or given back by leave.
func (e *Examiner) sit() bool {
	if e == nil {
		return false
	}
	if e.seats.Add(1) <= int64(e.cfg.Room) && e.rate.Take(e.cfg.Clock.Steady(), e.cfg.Room, e.cfg.Rate) {
		return true
	}
	e.seats.Add(-1)
	if n := e.missed.Add(1); n&(n-1) == 0 {
		e.cfg.Log.WithField("messages", n).Warn("senders were not checked: more came than could be looked at")
	}
	return false
}

func (e *Examiner) leave() { e.seats.Add(-1) }

// take looks at a capture when it is its turn.
func (e *Examiner) take(x examinee) {
	if e.octets.Add(int64(len(x.octets))) > keptRoom {
		e.octets.Add(-int64(len(x.octets)))
		x.octets = nil
	}
	e.waiting <- x // there is a seat
}

func (e *Examiner) examineAll() {
	for e.ctx.Err() == nil {
		select {
		case x := <-e.waiting:
			e.found <- e.find(x)
		case <-e.ctx.Done():
		}
	}
}

func (e *Examiner) find(x examinee) finding {
	check, err := e.examine(x)
	if err != nil && e.ctx.Err() == nil {
		e.cfg.Log.WithError(err).WithField("capture", x.capture.ID).Error("could not check a sender")
	}
	e.octets.Add(-int64(len(x.octets)))
	x.octets = nil
	return finding{x, check}
}

// examine looks at one capture. Whatever a stranger wrote, and whoever stumbles over it: the message goes on.
func (e *Examiner) examine(x examinee) (check ledger.Check, err error) {
	defer func() {
		if p := recover(); p != nil {
			check, err = ledger.Check{}, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	body := io.NopCloser(bytes.NewReader(x.octets))
	if x.octets == nil {
		r, err := e.cfg.Ledger.OpenBody(e.ctx, x.capture.ID)
		if err != nil {
			return check, err
		}
		body = r
	}
	defer body.Close()
	facts := e.cfg.Checker.Check(e.ctx, e.sender(x.capture), body)
	if err := e.ctx.Err(); err != nil {
		return check, err // what was found then is that we are being stopped
	}
	if x.hostname == "" && !facts.Known() {
		return check, nil
	}
	return ledger.Check{Capture: x.capture.ID, Results: facts.String(), Unwanted: facts.Unwanted(), Fields: []byte(facts.Field(x.hostname))}, nil
}

func (e *Examiner) sender(c ledger.Capture) sendercheck.Sender {
	s := sendercheck.Sender{Helo: c.Client.Name, From: c.Envelope.From}
	ip, err := netip.ParseAddr(c.Client.Addr)
	if ip = ip.Unmap(); err == nil && !slices.ContainsFunc(e.cfg.Fronts, func(n netip.Prefix) bool { return n.Contains(ip) }) {
		s.Client = ip
	}
	return s
}

// recordAll records all that was found meanwhile with one change.
func (e *Examiner) recordAll() {
	for f := range e.found {
		all := []finding{f}
		for more := true; more && len(all) < maxRecorded; {
			select {
			case f, open := <-e.found:
				if more = open; open {
					all = append(all, f)
				}
			default:
				more = false
			}
		}
		e.record(all)
	}
}

// maxRecorded is how many checks are recorded at once: others wait for the change.
const maxRecorded = 256

// record tells of observations only when the ledger has them as they are told.
func (e *Examiner) record(all []finding) {
	var checks []ledger.Check
	for _, f := range all {
		if f.check.Capture != "" {
			checks = append(checks, f.check)
		}
	}
	err := e.cfg.Ledger.Checked(context.Background(), e.cfg.Clock.Now(), checks...)
	if err != nil && !errors.Is(err, ledger.ErrClosed) {
		e.cfg.Log.WithError(err).Error("could not record what was found out about senders")
	}
	hint := false
	for _, f := range all {
		if f.check.Unwanted && err == nil {
			f.seen.Class = evidence.Unwanted
		}
		hint = hint || len(f.check.Fields) > 0
		if e.cfg.Recorded != nil {
			e.cfg.Recorded(f.seen)
		}
		e.leave()
	}
	if hint {
		e.cfg.Hint()
	}
}
