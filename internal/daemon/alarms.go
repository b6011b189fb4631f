package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"posthouse/config"
	"posthouse/internal/records"
	"posthouse/ledger"
)

// lateAfter is how old a wanted message may get undelivered before it is an alarm.
const lateAfter = time.Hour

// open are the states of what is wanted and not delivered. What is in doubt may be; what is quiet nobody waits for.
var open = []ledger.DeliveryState{ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Held}

// alarm is one thing that somebody should look at.
type alarm struct {
	kind  string
	of    string // what is counted
	count int
	text  string
}

// alarms are what mail needs a person for. Under a fast clock an hour is no time: deliveries take real time.
func (d *Daemon) alarms(ctx context.Context, now time.Time) ([]alarm, error) {
	var all []alarm
	for _, ask := range []struct {
		kind, text string
		which      ledger.DeliveryFilter
	}{
		{"late", "not delivered for more than an hour", ledger.DeliveryFilter{States: open, Captured: now.Add(-max(lateAfter, d.real(20*time.Second)))}},
		{"notice", "not delivered for more than a day: tell the senders, a notice to each is ready (posthouse status --json)", ledger.DeliveryFilter{States: open, Captured: now.Add(-records.NoticeAfter)}},
		{"unseen", "accepted and in no folder of the mailbox for too long: look into quarantine, junk and rules there", d.unseenTooLong(now)},
	} {
		ask.which.Required = true
		n, err := d.ledger.CountDeliveries(ctx, ask.which)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		ask.which.Limit = 1
		oldest, err := d.records.Waiting(ctx, ask.which)
		if err != nil {
			return nil, err
		}
		text := fmt.Sprintf("%d deliveries %s", n, ask.text)
		if n == 1 {
			text = "1 delivery " + ask.text
		}
		if len(oldest) > 0 {
			text += fmt.Sprintf("; the oldest is %s to %s, of %s: %s", oldest[0].Capture, oldest[0].To, oldest[0].At.UTC().Format("2 Jan 15:04"), oldest[0].Why)
		}
		all = append(all, alarm{ask.kind, "deliveries", n, text})
	}
	missing, err := d.missingAlarm(ctx)
	return slices.Concat(all, missing, d.outageAlarms(now), d.blindAlarms(now), d.unparsedAlarms(), d.canaryAlarms(), d.certificateAlarms(now), d.dnsAlarms(now), d.gaps(), d.objects.alarms(), ownAddressAlarms(config.OwnAddresses)), err
}

func (d *Daemon) unseenTooLong(now time.Time) ledger.DeliveryFilter {
	return ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Accepted}, Required: true, Before: now.Add(-d.cfg.Relay.SeenWithin)}
}

// bell logs alarms: when one begins, and every hour while it lasts.
type bell struct {
	mu   sync.Mutex
	rang map[string]time.Time
}

// due returns those that are to be logged now.
func (b *bell) due(all []alarm, now time.Time) []alarm {
	b.mu.Lock()
	defer b.mu.Unlock()
	rang := map[string]time.Time{}
	var loud []alarm
	for _, a := range all {
		rang[a.kind] = b.rang[a.kind]
		if last := rang[a.kind]; last.IsZero() || now.Sub(last) >= time.Hour {
			rang[a.kind] = now
			loud = append(loud, a)
		}
	}
	b.rang = rang // what is over rings at once when it begins again
	return loud
}

// ring looks for alarms and logs them.
func (d *Daemon) ring(ctx context.Context) error {
	now := d.opts.Clock.Now()
	all, err := d.alarms(ctx, now)
	for _, a := range d.bell.due(all, now) {
		d.log.WithField(a.of, a.count).WithField("alarm", a.kind).Warn(a.text)
	}
	return err
}
