package relay

import (
	"context"
	"errors"

	"posthouse/ledger"
)

// ended is an attempt whose deliveries have their next state, which is not recorded yet.
type ended struct {
	group []ledger.Delivery
	news  bool // the scan has something new to do
}

// finished has it recorded what an attempt came to, together with others that end at the same time, and its deliveries freed. No more attempts can wait for that than can be made at once: while the
// ledger takes nothing, the lane stands still, as each further message would only add to what is in doubt.
func (c *Courier) finished(l *lane, e ended) {
	l.unrecorded <- e
	select {
	case l.recorder <- struct{}{}:
		c.work.Add(1) // the worker is counted as well, so Stop still waits
		go c.recordAll(l)
	default: // somebody is at it
	}
}

// recordAll records until nothing is left.
func (c *Courier) recordAll(l *lane) {
	defer c.work.Done()
	for {
		all, news := l.takeUnrecorded()
		if len(all) > 0 {
			c.record(c.ctx, all)
			c.free(all)
		}
		if news {
			c.Hint() // only now: a scan passes over what is busy
		}
		if len(all) > 0 {
			continue
		}
		<-l.recorder
		// What came between the last look and this, its worker left to us.
		if len(l.unrecorded) == 0 {
			return
		}
		select {
		case l.recorder <- struct{}{}:
		default:
			return
		}
	}
}

// takeUnrecorded returns all that waits now.
func (l *lane) takeUnrecorded() (all []ledger.Delivery, news bool) {
	for {
		select {
		case e := <-l.unrecorded:
			all, news = append(all, e.group...), news || e.news
		default:
			return all, news
		}
	}
}

// record writes what became of deliveries, also when we are being stopped; failing that, the rows stay Sending and are in doubt at the next start. While the ledger cannot take it (a full disk), it
// is tried again until we are stopped.
func (c *Courier) record(ctx context.Context, group []ledger.Delivery) {
	for logged := false; ; logged = true {
		err := c.cfg.Ledger.Update(context.WithoutCancel(ctx), group...)
		if err == nil {
			c.noteDoubts(group)
			return
		}
		if !logged {
			c.cfg.Log.WithError(err).WithField("capture", group[0].Capture).Error("could not record what became of a delivery; it stays in doubt")
		}
		if errors.Is(err, ledger.ErrNotFound) && len(group) > 1 { // one of them; the others are none the worse for it
			for i := range group {
				c.record(ctx, group[i:i+1])
			}
			return
		}
		if errors.Is(err, ledger.ErrClosed) || errors.Is(err, ledger.ErrNotFound) || c.cfg.Clock.Sleep(ctx, c.cfg.Scan) != nil {
			return
		}
	}
}
