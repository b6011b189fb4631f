package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// Reconciliation: what the old servers' logs say was delivered there must have come into its mailbox, where the bridge saw it, or through a listener of ours. What was taken away between two
// looks (POP3) or never put anywhere (Sieve) lies on neither side: nobody who reads in the cloud knows of it.
const (
	// localAtOnce is how many deliveries one round looks for.
	localAtOnce = 500
	// lookAgain is how often what is missing is looked for again: somebody may have put it into the cloud.
	lookAgain = time.Hour
	// localKept is how long those that are accounted for are remembered, for who asks by Message-ID.
	localKept = 30 * 24 * time.Hour
	// localBefore is how much earlier a log may be stamped than the ledger.
	localBefore = time.Hour
)

// reconcile decides on deliveries that were due to be seen.
func (d *Daemon) reconcile(ctx context.Context) error {
	now := d.opts.Clock.Now()
	due, err := d.localDue(ctx, now)
	if err != nil {
		return err
	}
	looked := d.lookedAt()
	of := map[cutover.MailboxID][]ledger.LocalDelivery{}
	var foreign []ledger.LocalDelivery
	for _, l := range due {
		m, ours := d.mailboxOf(l.Mailbox)
		switch caught, followed := looked[m]; {
		case !ours || !followed:
			foreign = append(foreign, l)
		case caught.After(l.At.Add(time.Second)): // stamps have whole seconds
			of[m] = append(of[m], l)
			if l.State == ledger.LocalMissing {
				d.lookedAgain[l.ID] = now
			}
		}
	}
	failed := []error{d.ledger.Reconcile(ctx, now, ledger.LocalForeign, "", foreign...)}
	for m, all := range of {
		failed = append(failed, d.reconcileMailbox(ctx, now, m, all))
	}
	return errors.Join(failed...)
}

// localDue are the deliveries that should have been seen by now, and of those that are missing the ones that were not looked for of late.
func (d *Daemon) localDue(ctx context.Context, now time.Time) ([]ledger.LocalDelivery, error) {
	within := max(d.live.Load().cfg.Verdict.DeliveredWithin, d.real(time.Second))
	due, err := d.ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalOpen}, Before: now.Add(-within), Limit: localAtOnce})
	if err != nil {
		return nil, err
	}
	missing, err := d.ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}, Limit: localAtOnce})
	looked := map[int64]time.Time{}
	for _, l := range missing {
		if at, ok := d.lookedAgain[l.ID]; ok && now.Sub(at) < lookAgain {
			looked[l.ID] = at
		} else {
			due = append(due, l)
		}
	}
	d.lookedAgain = looked
	return due, err
}

// lookedAt is when each mailbox that is followed was last looked at.
func (d *Daemon) lookedAt() map[cutover.MailboxID]time.Time {
	looked := map[cutover.MailboxID]time.Time{}
	for _, p := range d.bridge.Progress() {
		if p.State != bridge.Unfollowed {
			looked[p.Mailbox] = p.Caught
		}
	}
	return looked
}

// mailboxOf is the mailbox of a user as a log names him.
func (d *Daemon) mailboxOf(user string) (cutover.MailboxID, bool) {
	in := d.live.Load()
	for _, m := range in.mailboxes {
		if strings.EqualFold(m.Legacy.Login, user) || strings.EqualFold(string(m.ID), user) {
			return m.ID, true
		}
	}
	if !strings.Contains(user, "@") && len(in.cfg.Domains) > 0 {
		user += "@" + in.cfg.Domains[0]
	}
	r, _ := in.directory.Resolve(cutover.Address(user))
	if len(r.Mailboxes) != 1 {
		return "", false
	}
	return r.Mailboxes[0].ID, true
}

// reconcileMailbox asks what is cheap first: the ledger, then the cloud, then the old server.
func (d *Daemon) reconcileMailbox(ctx context.Context, now time.Time, m cutover.MailboxID, all []ledger.LocalDelivery) error {
	since := slices.MinFunc(all, func(a, b ledger.LocalDelivery) int { return a.At.Compare(b.At) }).At.Add(-localBefore)
	arrived, err := d.ledger.Arrived(ctx, bridge.GrowthSource, m, since, messagesOf(all))
	if err != nil {
		return err
	}
	var seen []ledger.LocalDelivery
	all = slices.DeleteFunc(all, func(l ledger.LocalDelivery) bool {
		if arrived[l.Message] {
			seen = append(seen, l)
		}
		return arrived[l.Message]
	})
	if err := d.ledger.Reconcile(ctx, now, ledger.LocalSeen, "", seen...); err != nil {
		return err
	}
	for _, side := range []cutover.Side{cutover.Cloud, cutover.Legacy} {
		if all, err = d.foundOn(ctx, now, m, side, all); err != nil {
			return err
		}
	}
	slices.SortStableFunc(all, func(a, b ledger.LocalDelivery) int { return cmp.Compare(b.Lost, a.Lost) }) // who knows what became of it is heard first
	for _, l := range all {
		if err := d.missing(ctx, now, m, l); err != nil {
			return err
		}
	}
	return nil
}

func messagesOf(all []ledger.LocalDelivery) []string {
	messages := make([]string, len(all))
	for i, l := range all {
		messages[i] = l.Message
	}
	return messages
}

// foundOn settles what lies on a side and returns the rest.
func (d *Daemon) foundOn(ctx context.Context, now time.Time, m cutover.MailboxID, side cutover.Side, all []ledger.LocalDelivery) (rest []ledger.LocalDelivery, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	found, err := d.bridge.Holds(ctx, m, side, messagesOf(all))
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		at, ok := found[l.Message]
		if !ok {
			rest = append(rest, l)
			continue
		}
		if err := d.ledger.Reconcile(ctx, now, ledger.LocalSeen, string(side)+": "+at.String(), l); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// missing notes that a message lies on neither side, and who took it. It is logged once; that a second log tells of it as well makes it no second message.
func (d *Daemon) missing(ctx context.Context, now time.Time, m cutover.MailboxID, l ledger.LocalDelivery) error {
	if l.State == ledger.LocalMissing {
		return nil
	}
	if told, err := d.toldAlready(ctx, now, m, l); err != nil || told {
		return err
	}
	note := l.Lost
	if note == "" {
		var err error
		if note, err = d.takenBy(ctx, l); err != nil {
			return err
		}
	}
	if err := d.ledger.Reconcile(ctx, now, ledger.LocalMissing, note, l); err != nil {
		return err
	}
	d.log.WithField("mailbox", l.Mailbox).WithField("message_id", l.Message).WithField("source", l.Source).WithField("note", note).Warn("delivered on the old side, and on neither side now")
	return nil
}

// toldAlready settles what another log told of already: the same message in the same mailbox, missing or accepted. What the second log knows more is noted with the first.
func (d *Daemon) toldAlready(ctx context.Context, now time.Time, m cutover.MailboxID, l ledger.LocalDelivery) (bool, error) {
	all, err := d.ledger.LocalDeliveries(ctx, ledger.LocalFilter{Message: l.Message, States: []ledger.LocalState{ledger.LocalMissing, ledger.LocalAccepted}})
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(other ledger.LocalDelivery) bool {
		of, ours := d.mailboxOf(other.Mailbox)
		return ours && of == m && other.ID != l.ID
	})
	if i < 0 {
		return false, nil
	}
	first := all[i]
	if l.Lost != "" && first.State == ledger.LocalMissing {
		err = d.ledger.Reconcile(ctx, now, first.State, l.Lost, first)
	}
	return true, errors.Join(err, d.ledger.Reconcile(ctx, now, ledger.LocalSeen, fmt.Sprintf("the same as %d", first.ID), l))
}

// takenBy names who fetched mail by POP3 from the mailbox first after a delivery, as the same log tells.
func (d *Daemon) takenBy(ctx context.Context, l ledger.LocalDelivery) (string, error) {
	var taker evidence.Observation
	err := d.ledger.Observations(ctx, l.At.Add(-localBefore), func(o evidence.Observation) bool {
		theirs := o.Source == l.Source && o.Channel == evidence.Login && strings.EqualFold(o.Sender, l.Mailbox) && strings.HasPrefix(o.Detail, "POP3")
		if theirs && !(o.At.Before(l.At) && o.Until.Before(l.At)) {
			taker = o
		}
		return taker.At.IsZero()
	})
	if err != nil || taker.At.IsZero() {
		return "", err
	}
	return fmt.Sprintf("taken by POP3, it seems, from %s at %s", cmp.Or(addrText(taker), "an unknown address"), taker.At.UTC().Format("2 Jan 15:04 MST")), nil
}

func addrText(o evidence.Observation) string {
	if !o.Client.IsValid() {
		return ""
	}
	return o.Client.String()
}

// missingAlarm names the latest message that lies on neither side.
func (d *Daemon) missingAlarm(ctx context.Context) ([]alarm, error) {
	n, latest, err := d.allMissing(ctx, ledger.LocalFilter{Newest: true, Limit: 1})
	if err != nil || len(latest) == 0 {
		return nil, err
	}
	last := latest[0]
	text := fmt.Sprintf("%d messages were delivered on the old side and lie on neither side now", n)
	if n == 1 {
		text = "1 message was delivered on the old side and lies on neither side now"
	}
	return []alarm{{"missing", "messages", n, fmt.Sprintf("%s; the latest is %s to %s, of %s: %s (posthouse evidence)", text, last.Message, last.Mailbox, last.At.UTC().Format("2 Jan 15:04"), whatBecame(last))}}, nil
}

func whatBecame(l ledger.LocalDelivery) string {
	return cmp.Or(l.Note, "nobody knows who took it: moved or deleted by a mail program, perhaps")
}

// missingWork is what of it keeps a verdict from being ready.
func (d *Daemon) missingWork(ctx context.Context) (evidence.Work, error) {
	n, all, err := d.allMissing(ctx, ledger.LocalFilter{Limit: missingShown})
	work := evidence.Work{Count: n}
	for _, l := range all {
		if work.Since.IsZero() {
			work.Since = l.At
		}
		if !slices.Contains(work.Names, l.Mailbox) {
			work.Names = append(work.Names, l.Mailbox)
		}
	}
	return work, err
}

// allMissing counts them, and lists some.
func (d *Daemon) allMissing(ctx context.Context, f ledger.LocalFilter) (n int, some []ledger.LocalDelivery, err error) {
	counts, err := d.ledger.CountLocal(ctx, ledger.LocalMissing)
	if err != nil || counts[ledger.LocalMissing] == 0 {
		return 0, nil, err
	}
	f.States = []ledger.LocalState{ledger.LocalMissing}
	some, err = d.ledger.LocalDeliveries(ctx, f)
	return counts[ledger.LocalMissing], some, err
}
