package bridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sirupsen/logrus"
)

// Pauses after failures, in units of Config.Pause.
const (
	longPause  = 150
	loginPause = 300 // a refused login, unless it says itself when it may be tried again: asking often may lock the account
	// A server that asks to wait and does not say for how long is left alone for a minute first, for an hour in the end.
	firstWait, longWait = 30, 1800
	// quietTime is how long a server that throttled must be quiet before it gets one mailbox more.
	quietTime = 300
	// measureTime is how long is measured, at the least, whether more mailboxes at one time help.
	measureTime = 10
)

// tries counts passes in a row that came to nothing.
type tries struct {
	failed int
	waited int // ended by a server that asks to wait
	done   int // items with a disposition, as of the last pass
}

// count takes one pass. What got further before it failed begins anew.
func (t *tries) count(err error, done int) {
	if err == nil || done > t.done {
		*t = tries{}
	}
	t.done = done
	if err == nil {
		return
	}
	if planned(err) == nil {
		t.failed++
	}
	if planned(err) != nil || full(err) {
		t.waited++
	}
}

// rest shows why the mailbox cannot go on and waits before the next try: longer each time, longest after a refused login, shorter when somebody mended something.
func (w *worker) rest(ctx context.Context, err error) {
	now := w.b.cfg.Clock.Now()
	until := now.Add(w.pause(err, now))
	busy := planned(err)
	if busy == nil {
		w.status.problem(err, until)
		w.b.cfg.Log.WithError(err).WithField("mailbox", w.m.ID).Warn("mailbox needs another try")
		w.sleep(ctx, until.Sub(now), w.retry)
		return
	}
	bears := w.b.turns.throttled(busy.Server)
	w.status.waits(busy, until)
	w.b.cfg.Log.WithFields(logrus.Fields{"mailbox": w.m.ID, "server": busy.Server, "said": busy.Said, "until": until, "mailboxes": bears}).Info("a server asks to wait")
	w.close() // for a while nobody needs its connections
	mended := w.retry
	if busy.Wait > 0 {
		mended = nil // the server said when, and nobody knows better
	}
	w.stand(func() { w.sleep(ctx, until.Sub(now), mended) })
	w.status.goOn()
}

// sleep ends early when somebody mended something: it may be the login.
func (w *worker) sleep(ctx context.Context, pause time.Duration, mended <-chan struct{}) {
	timer := w.b.cfg.Clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-mended:
		w.close()
	case <-timer.C():
	case <-ctx.Done():
	}
}

// stand gives the seat in a CatchUp to another mailbox meanwhile.
func (w *worker) stand(meanwhile func()) {
	if w.seats != nil {
		<-w.seats
		defer func() { w.seats <- struct{}{} }()
	}
	meanwhile()
}

func (w *worker) pause(err error, now time.Time) time.Duration {
	unit := w.b.cfg.Pause
	pause := doubling(unit, longPause*unit, w.tries.failed)
	var refused *RefusedLogin
	switch busy := planned(err); {
	case errors.As(err, &refused) && !refused.Next.IsZero():
		return max(refused.Next.Sub(now), unit)
	case errors.Is(err, ErrLogin):
		pause = loginPause * unit
	case busy != nil && !busy.Until.IsZero():
		return max(busy.Until.Sub(now), unit)
	case busy != nil && busy.Wait > 0:
		pause = max(busy.Wait, unit)
	case busy != nil, full(err):
		pause = doubling(firstWait*unit, longWait*unit, w.tries.waited)
	}
	return pause + rand.N(max(pause/4, 1))
}

// doubling is the pause after the n-th try: first, twice that, and so on, up to the longest.
func doubling(first, longest time.Duration, n int) time.Duration {
	return min(first<<min(max(n-1, 0), 10), longest)
}
