package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/writers"
)

// How often the daemon keeps house, and how old a verification may be before a mailbox is compared anew.
const (
	keepEvery   = 30 * time.Second
	verifyEvery = 24 * time.Hour
	pruneEvery  = time.Hour
)

// startKeeping runs what is done again and again: coverage, alarms, verification, removal of bodies whose time is over.
func (d *Daemon) startKeeping(starting context.Context) error {
	if err := d.startOldMail(starting); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	alive := d.beat("keeping", 10*time.Minute)
	loops.Go(func() {
		d.every(ctx, "keeping", d.tick(), func(ctx context.Context) error { alive(); return d.keep(ctx) })
	})
	loops.Go(func() { d.every(ctx, "looking for alarms", d.tick(), d.ring) })
	loops.Go(func() { d.every(ctx, "reading certificates", d.tick(), d.renewIdentities) })
	loops.Go(func() { d.every(ctx, "testing the sources", d.tick(), d.canary.Fly) })
	loops.Go(func() { d.every(ctx, "judging the sources", d.tick(), d.doubtLogs) })
	loops.Go(func() { d.every(ctx, "reconciling deliveries of the old side", d.tick(), d.local.Round) })
	loops.Go(func() { d.every(ctx, "telling senders", d.tick(), d.tellSenders) })
	loops.Go(func() {
		d.every(ctx, "reading who wrote to the old mailboxes", max(oldMailTries, d.real(2*time.Second)), d.oldMail.Look)
	})
	news := writers.NewNews(d.writers())
	loops.Go(func() {
		d.every(ctx, "looking who writes to the cloud", max(newSideEvery, d.real(2*time.Second)), news.Look)
	})
	loops.Go(func() { d.every(ctx, "verifying", d.tick(), d.verifyDue) })
	loops.Go(func() { d.every(ctx, "pruning", max(pruneEvery, d.tick()), d.prune) })
	d.onStop(func(ctx context.Context) error {
		cancel()
		ended := make(chan struct{})
		go func() { loops.Wait(); close(ended) }()
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("stopping house-keeping: %w", ctx.Err())
		}
	})
	return nil
}

// tick is the time between two rounds of house-keeping: half a minute, or a fifth of a second of real time under a fast clock.
func (d *Daemon) tick() time.Duration {
	if d.opts.Speed > 1 {
		return d.real(200 * time.Millisecond)
	}
	return keepEvery
}

// verifyEvery is the longest time between two verifications of a mailbox. Reading takes real time: under a fast clock a day is too short for a round.
func (d *Daemon) verifyEvery() time.Duration { return max(verifyEvery, d.real(20*time.Second)) }

// stale is for how long a source that was watched counts as watched now.
func (d *Daemon) stale() time.Duration {
	return max(5*time.Minute, 2*d.cfg.Bridge.PollInterval, d.real(2*time.Second))
}

func (d *Daemon) every(ctx context.Context, what string, pause time.Duration, do func(context.Context) error) {
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			d.log.WithError(err).Error(what + " failed; it is tried again")
		}
		if d.opts.Clock.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// beat registers a loop with the watchdog; maxAge is real time. Loops whose work may rightly take hours, as verifying does, are not watched.
func (d *Daemon) beat(what string, maxAge time.Duration) func() {
	if d.opts.Notify == nil {
		return func() {}
	}
	return d.opts.Notify.Beat(what, maxAge)
}

// keep extends the coverage of what we watch ourselves.
func (d *Daemon) keep(ctx context.Context) error {
	now := d.opts.Clock.Now()
	d.feel(now)
	until := map[string]time.Time{}
	for _, l := range d.listeners {
		select {
		case <-l.Done(): // a socket failed: what comes to it is not seen any more
		default:
			until[l.Name()] = now
		}
	}
	without := d.withoutMail()
	mail := slices.DeleteFunc(d.bridge.Progress(), func(p bridge.Progress) bool { return without[p.Mailbox] })
	if at, ok := followedUntil(append(mail, d.objects.bridge.Progress()...)); ok {
		until[bridge.GrowthSource] = at
	}
	return d.witness.Cover(ctx, until)
}

// followedUntil is the instant up to which every legacy mailbox was looked at; false while one of them cannot be.
func followedUntil(all []bridge.Progress) (time.Time, bool) {
	var oldest time.Time
	for _, p := range all {
		if p.Caught.IsZero() || p.Stuck() {
			return time.Time{}, false
		}
		if oldest.IsZero() || p.Caught.Before(oldest) {
			oldest = p.Caught
		}
	}
	return oldest, len(all) > 0
}

// verifyDue compares mailboxes whose last comparison is too old, or found something, one at a time, once their first copy is done. One that cannot be read does not stop the others.
func (d *Daemon) verifyDue(ctx context.Context) error {
	done, err := d.ledger.Verifications(ctx)
	if err != nil {
		return err
	}
	now, every := d.opts.Clock.Now(), d.verifyEvery()
	var failed []error
	for _, p := range append(d.bridge.Progress(), d.objects.bridge.Progress()...) {
		if p.Caught.IsZero() || p.Stuck() {
			continue
		}
		fresh := slices.ContainsFunc(done, func(v verification) bool {
			return v.Mailbox == p.Mailbox && v.Objects == p.Objects && now.Sub(v.At) < every && (v.Missing == 0 || now.Sub(v.At) < every/24)
		})
		if fresh {
			continue
		}
		if err := d.verifyOne(ctx, p); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (d *Daemon) verifyOne(ctx context.Context, p bridge.Progress) error {
	m, b := p.Mailbox, d.bridge
	if p.Objects {
		b = d.objects.bridge
	}
	r, err := b.Verify(ctx, m)
	if err != nil {
		return err
	}
	entry := d.log.WithField("mailbox", m).WithField("equal", r.Equal).WithField("removed", len(r.Removed))
	if len(r.Missing)+len(r.Extra)+len(r.Altered) > 0 {
		entry.WithField("missing", len(r.Missing)).WithField("altered", len(r.Altered)).WithField("extra", len(r.Extra)).Warn("verified: the sides differ")
		return nil
	}
	entry.Info("verified: equal")
	return nil
}

func (d *Daemon) prune(ctx context.Context) error {
	n, err := d.ledger.Prune(ctx, d.opts.Clock.Now().Add(-d.cfg.Relay.Retention))
	if n > 0 {
		d.log.WithField("bodies", n).Info("removed bodies whose retention is over")
	}
	return errors.Join(err, d.local.Forget(ctx))
}
