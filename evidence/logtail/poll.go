package logtail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Poll reads to the end of the log, following it into newer files, and makes durable what it found. An error is the ledger's, or the context's:
// nothing is lost, the next Poll goes on. A log that cannot be read is no error: see Status.
func (f *Follower) Poll(ctx context.Context) error {
	if err := f.restore(ctx); err != nil {
		return err
	}
	f.now, f.failure = f.clock.Now(), ""
	defer f.report()
	if err := f.withdraw(ctx); err != nil {
		return err
	}
	f.begun = false
	step := f.step
	if f.isFolder() {
		step = f.stepFolder
	}
	for {
		again, err := step(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// step reads one buffer. again tells whether there is more to read.
func (f *Follower) step(ctx context.Context) (again bool, err error) {
	if err := f.ready(ctx); err != nil {
		return false, err
	}
	if f.o.Journal != nil {
		return f.stepJournal(ctx)
	}
	all, err := candidates(f.o.Path)
	if err != nil {
		return false, f.fail(err)
	}
	f.lookForPath(all)
	if open, again := f.opened(all); !open {
		return again, nil
	}
	if !f.begun {
		f.begun = true
		f.expect(f.ahead(all))
		if c, ok := f.overtaken(all); ok {
			f.move(c)
			return true, nil
		}
	}
	next, last := f.next(all)
	if !f.intact() {
		f.close() // truncated: perhaps a copy was made before
		return true, nil
	}
	if last && f.packedMeanwhile(all) {
		f.close() // it is read on in its compressed form: others may come between that and the next
		return true, nil
	}
	end, err := f.read(last)
	if err != nil {
		return f.interrupted(err)
	}
	f.judgeLogouts()
	f.grant(end && !last)
	if err := f.commitIfDue(ctx, end && !last); err != nil {
		return false, err
	}
	if !end {
		return true, nil
	}
	if last {
		if next = sighted(next); f.stable(all) {
			f.move(next)
		}
		return true, nil
	}
	f.live = f.now
	f.expect(0)
	return false, nil
}

// ready makes sure that the ledger has what it did not take before.
func (f *Follower) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil || !f.unwritten {
		return err
	}
	return f.commit(ctx)
}

// interrupted ends a step in which nothing could be read: a file that was cut meanwhile is looked for anew.
func (f *Follower) interrupted(err error) (again bool, _ error) {
	if errors.Is(err, errCut) {
		f.close()
		return true, nil
	}
	return false, f.fail(err)
}

// fail notes why the file cannot be read. Its content stays: what is written meanwhile is covered when it can be read again.
func (f *Follower) fail(err error) error {
	f.failure = err.Error()
	f.close()
	return nil
}

// lookForPath notes since when the file has been missing. A file that is away for longer than rotation takes was perhaps not written to.
func (f *Follower) lookForPath(all []candidate) {
	there := len(all) > 0 && (isPattern(f.o.Path) || all[len(all)-1].path == f.o.Path)
	switch {
	case there:
		f.missing = time.Time{}
	case f.missing.IsZero():
		f.missing = f.now
	case f.now.Sub(f.missing) > rotating:
		f.pos.From = time.Time{}
	}
}

// judgeLogouts decides on the sessions whose logins did not come, and on those whose end is not told. The log's time is that of its last line and what has passed since that was read.
func (f *Follower) judgeLogouts() {
	now := f.pos.LastLine.Add(f.now.Sub(f.heard))
	for _, o := range slices.Concat(f.state.overdue(now), f.state.forgotten(now), f.state.idle(now)) {
		f.batch.add(o)
	}
}

// How much is read before it is made durable, where there is more to read.
const (
	batchOctets       = 8 << 20
	batchObservations = 2000
)

// commitIfDue writes what was found. At the log's end without use that may wait for the next beat, before it for more.
func (f *Follower) commitIfDue(ctx context.Context, end bool) error {
	found := len(f.batch.observations) + len(f.batch.delivered)
	switch {
	case f.batch.lines == 0 && len(f.batch.coverage) == 0 && found == 0:
		return nil
	case end && found == 0 && f.now.Sub(f.committed) < f.o.Beat:
		return nil
	case !end && found < batchObservations && f.batch.octets < batchOctets:
		return nil
	}
	return f.commit(ctx)
}

// takeBack withdraws what the batch says: should nothing else be written after it, too much is blind and not too little.
func (f *Follower) takeBack(ctx context.Context) error {
	if f.batch.withdrawn.IsZero() {
		return nil
	}
	if err := f.t.Withdraw(ctx, f.o.Source, f.batch.withdrawn); err != nil {
		return fmt.Errorf("withdrawing the coverage of log %s: %w", f.o.Source, err)
	}
	return nil
}

func (f *Follower) commit(ctx context.Context) error {
	f.pos.State, f.pos.Live = f.state.snapshot(), later(f.pos.Live, f.live)
	offset, err := f.pos.offset(f.o.Source)
	if err != nil {
		return err
	}
	if err := f.takeBack(ctx); err != nil {
		f.unwritten = true
		return err
	}
	if err := f.t.Testify(ctx, f.batch.observations, f.batch.coverage, offset, f.batch.delivered...); err != nil {
		f.unwritten = true
		return fmt.Errorf("recording log %s: %w", f.o.Source, err)
	}
	f.batch, f.committed, f.unwritten = batch{}, f.now, false
	f.tellProgress()
	return nil
}
