package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

const (
	// atOnce is how many deliveries one round looks for.
	atOnce = 500
	// lookAgain is how often what is missing is looked for again: somebody may have put it into the cloud.
	lookAgain = time.Hour
	// kept is how long those that are accounted for are remembered, for who asks by Message-ID.
	kept = 30 * 24 * time.Hour
	// listed is how many missing messages name their mailboxes in a verdict.
	listed = 100
	// before is how much earlier a log may be stamped than the ledger.
	before = time.Hour
)

// Config is what deliveries are looked for by.
type Config struct {
	Ledger interface {
		ledger.LocalDeliveries
		ledger.Testimony
	}
	Bridge interface {
		Progress() []bridge.Progress
		Holds(ctx context.Context, m cutover.MailboxID, side cutover.Side, messages []string) (map[string]bridge.Sighting, error)
	}
	// Mailbox is that of a user as a log names him; false: none of ours.
	Mailbox func(user string) (cutover.MailboxID, bool)
	Within  func() time.Duration // in which a delivery must be seen
	Clock   clock.Clock
	Log     logrus.FieldLogger
}

// Reconciler accounts for what was delivered on the old side.
type Reconciler struct {
	cfg         Config
	lookedAgain map[int64]time.Time // when each delivery that is missing was last looked for. Of Round alone.
}

// New looks at nothing yet.
func New(c Config) *Reconciler { return &Reconciler{cfg: c} }

// Round decides on deliveries that were due to be seen. Of one loop alone.
func (r *Reconciler) Round(ctx context.Context) error {
	now := r.cfg.Clock.Now()
	due, err := r.due(ctx, now)
	if err != nil {
		return err
	}
	looked := r.lookedAt()
	of := map[cutover.MailboxID][]ledger.LocalDelivery{}
	var foreign []ledger.LocalDelivery
	for _, l := range due {
		m, ours := r.cfg.Mailbox(l.Mailbox)
		switch caught, followed := looked[m]; {
		case !ours || !followed:
			foreign = append(foreign, l)
		case caught.After(l.At.Add(time.Second)): // stamps have whole seconds
			of[m] = append(of[m], l)
			if l.State == ledger.LocalMissing {
				r.lookedAgain[l.ID] = now
			}
		}
	}
	failed := []error{r.cfg.Ledger.Reconcile(ctx, now, ledger.LocalForeign, "", foreign...)}
	for m, all := range of {
		failed = append(failed, r.mailbox(ctx, now, m, all))
	}
	return errors.Join(failed...)
}

// due are the deliveries that should have been seen by now, and of those that are missing the ones that were not looked for of late.
func (r *Reconciler) due(ctx context.Context, now time.Time) ([]ledger.LocalDelivery, error) {
	within := r.cfg.Within()
	due, err := r.cfg.Ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalOpen}, Before: now.Add(-within), Limit: atOnce})
	if err != nil {
		return nil, err
	}
	missing, err := r.cfg.Ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}, Limit: atOnce})
	looked := map[int64]time.Time{}
	for _, l := range missing {
		if at, ok := r.lookedAgain[l.ID]; ok && now.Sub(at) < lookAgain {
			looked[l.ID] = at
		} else {
			due = append(due, l)
		}
	}
	r.lookedAgain = looked
	return due, err
}

// lookedAt is when each mailbox that is followed was last looked at.
func (r *Reconciler) lookedAt() map[cutover.MailboxID]time.Time {
	looked := map[cutover.MailboxID]time.Time{}
	for _, p := range r.cfg.Bridge.Progress() {
		if p.State != bridge.Unfollowed {
			looked[p.Mailbox] = p.Caught
		}
	}
	return looked
}

// mailbox asks what is cheap first: the ledger, then the cloud, then the old server.
func (r *Reconciler) mailbox(ctx context.Context, now time.Time, m cutover.MailboxID, all []ledger.LocalDelivery) error {
	since := slices.MinFunc(all, func(a, b ledger.LocalDelivery) int { return a.At.Compare(b.At) }).At.Add(-before)
	arrived, err := r.cfg.Ledger.Arrived(ctx, bridge.GrowthSource, m, since, messagesOf(all))
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
	if err := r.cfg.Ledger.Reconcile(ctx, now, ledger.LocalSeen, "", seen...); err != nil {
		return err
	}
	for _, side := range []cutover.Side{cutover.Cloud, cutover.Legacy} {
		if all, err = r.foundOn(ctx, now, m, side, all); err != nil {
			return err
		}
	}
	slices.SortStableFunc(all, func(a, b ledger.LocalDelivery) int { return cmp.Compare(b.Lost, a.Lost) }) // who knows what became of it is heard first
	for _, l := range all {
		if err := r.missing(ctx, now, m, l); err != nil {
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
func (r *Reconciler) foundOn(ctx context.Context, now time.Time, m cutover.MailboxID, side cutover.Side, all []ledger.LocalDelivery) (rest []ledger.LocalDelivery, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	found, err := r.cfg.Bridge.Holds(ctx, m, side, messagesOf(all))
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		at, ok := found[l.Message]
		if !ok {
			rest = append(rest, l)
			continue
		}
		if err := r.cfg.Ledger.Reconcile(ctx, now, ledger.LocalSeen, string(side)+": "+at.String(), l); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// missing notes that a message lies on neither side, and who took it. It is logged once; that a second log tells of it as well makes it no second message.
func (r *Reconciler) missing(ctx context.Context, now time.Time, m cutover.MailboxID, l ledger.LocalDelivery) error {
	if l.State == ledger.LocalMissing {
		return nil
	}
	if told, err := r.toldAlready(ctx, now, m, l); err != nil || told {
		return err
	}
	note := l.Lost
	if note == "" {
		var err error
		if note, err = r.takenBy(ctx, l); err != nil {
			return err
		}
	}
	if err := r.cfg.Ledger.Reconcile(ctx, now, ledger.LocalMissing, note, l); err != nil {
		return err
	}
	r.cfg.Log.WithField("mailbox", l.Mailbox).WithField("message_id", l.Message).WithField("source", l.Source).WithField("note", note).Warn("delivered on the old side, and on neither side now")
	return nil
}

// toldAlready settles what another log told of already: the same message in the same mailbox, missing or accepted. What the second log knows more is noted with the first.
func (r *Reconciler) toldAlready(ctx context.Context, now time.Time, m cutover.MailboxID, l ledger.LocalDelivery) (bool, error) {
	all, err := r.cfg.Ledger.LocalDeliveries(ctx, ledger.LocalFilter{Message: l.Message, States: []ledger.LocalState{ledger.LocalMissing, ledger.LocalAccepted}})
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(other ledger.LocalDelivery) bool {
		of, ours := r.cfg.Mailbox(other.Mailbox)
		return ours && of == m && other.ID != l.ID
	})
	if i < 0 {
		return false, nil
	}
	first := all[i]
	if l.Lost != "" && first.State == ledger.LocalMissing {
		err = r.cfg.Ledger.Reconcile(ctx, now, first.State, l.Lost, first)
	}
	return true, errors.Join(err, r.cfg.Ledger.Reconcile(ctx, now, ledger.LocalSeen, fmt.Sprintf("the same as %d", first.ID), l))
}

// takenBy names who fetched mail by POP3 from the mailbox first after a delivery, as the same log tells.
func (r *Reconciler) takenBy(ctx context.Context, l ledger.LocalDelivery) (string, error) {
	var taker evidence.Observation
	err := r.cfg.Ledger.Observations(ctx, l.At.Add(-before), func(o evidence.Observation) bool {
		theirs := o.Source == l.Source && o.Channel == evidence.Login && strings.EqualFold(o.Sender, l.Mailbox) && strings.HasPrefix(o.Detail, "POP3")
		if theirs && !(o.At.Before(l.At) && o.Until.Before(l.At)) {
			taker = o
		}
		return taker.At.IsZero()
	})
	if err != nil || taker.At.IsZero() {
		return "", err
	}
	return fmt.Sprintf("taken by POP3, it seems, from %s at %s", cmp.Or(address(taker), "an unknown address"), taker.At.UTC().Format("2 Jan 15:04 MST")), nil
}

func address(o evidence.Observation) string {
	if !o.Client.IsValid() {
		return ""
	}
	return o.Client.String()
}
