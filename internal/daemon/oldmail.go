package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/evidence/witness"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// oldMail reads who wrote to the old mailboxes before the switch: the sender book learns habits from it. What was found becomes durable together with the place up to which was read, in one fact for each
// mailbox, and is a set: whatever is read again counts once. It counts from when every mailbox has been read on: a book that knew a part of the senders would take that for all.
type oldMail struct {
	d *Daemon

	mu       sync.Mutex
	all      evidence.Past                   // nil while no mailbox is due: after the switch that is for good, and it may be large
	read     map[cutover.MailboxID]time.Time // when each was read to the end the last time
	counts   bool                            // all of it is in the testimony
	messages int                             // in all
	systems  int
}

const (
	// oldMailTries is the time between two looks whether there is something to read.
	oldMailTries = 5 * time.Minute
	// oldMailEvery is how often what came since is read, until the switch.
	oldMailEvery = 24 * time.Hour
	// oldMailPace is what reading one header may take at the least: the old server has others to serve.
	oldMailPace = time.Millisecond
	// oldMailFact says that the past counts.
	oldMailFact = "past"
)

func pastFact(m cutover.MailboxID) string { return oldMailFact + "/" + string(m) }

// pastOf is what is kept for a mailbox.
type pastOf struct {
	Read    time.Time               `json:"read,omitzero"` // to the end, the last time
	Folders map[string]ledger.Place `json:"folders"`       // from where to read on, by the old server's name
	Systems evidence.Past           `json:"systems"`
}

// startOldMail brings back what was found by former processes.
func (d *Daemon) startOldMail(ctx context.Context) error {
	o := &oldMail{d: d, read: map[cutover.MailboxID]time.Time{}}
	if err := o.load(ctx); err != nil {
		return err
	}
	_, err := d.ledger.Fact(ctx, oldMailFact)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	if err == nil {
		o.count()
	}
	d.oldMail = o
	return nil
}

// load reads all that was found.
func (o *oldMail) load(ctx context.Context) error {
	all, read := evidence.Past{}, map[cutover.MailboxID]time.Time{}
	for _, p := range o.d.bridge.Progress() {
		known, err := o.known(ctx, p.Mailbox)
		if err != nil {
			return err
		}
		all.Join(known.Systems)
		if !known.Read.IsZero() {
			read[p.Mailbox] = known.Read
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = all
	maps.Copy(o.read, read)
	o.messages, o.systems = all.Messages(), len(all)
	return nil
}

// rest forgets what nobody adds to any more. The facts have it.
func (o *oldMail) rest() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = nil
}

// look reads on in each mailbox that is due.
func (o *oldMail) look(ctx context.Context) error {
	switched := o.d.switched(o.d.witness.Snapshot()).Switched()
	all, some := true, false
	for _, p := range o.d.bridge.Progress() {
		if !o.d.stores.askable(p.Mailbox, cutover.Legacy) {
			continue
		}
		some = true
		if !o.due(p.Mailbox, switched) {
			continue
		}
		if p.Caught.IsZero() { // the first copy has the server for itself
			all = false
			continue
		}
		if err := o.mailbox(ctx, p.Mailbox, switched); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			all = false
			o.d.log.WithField("mailbox", p.Mailbox).WithError(err).Debug("its old mailbox could not be read for the sender book")
		}
	}
	switch {
	case !all || !some:
		return nil
	case !o.counts:
		if err := o.d.ledger.SetFact(ctx, oldMailFact, "read"); err != nil {
			return err
		}
		o.count()
	}
	if !switched.IsZero() {
		o.rest()
	}
	return nil
}

// due tells whether there may be something in a mailbox that was not read: not for a day after it was, and not once that was after the switch.
func (o *oldMail) due(m cutover.MailboxID, switched time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	read := o.read[m]
	if read.IsZero() {
		return true
	}
	return o.d.opts.Clock.Now().Sub(read) >= oldMailEvery && (switched.IsZero() || read.Before(switched))
}

// mailbox reads on from where the last look ended. What comes after the switch shows as growth, and at the listeners.
func (o *oldMail) mailbox(ctx context.Context, m cutover.MailboxID, switched time.Time) error {
	began := o.d.opts.Clock.Now()
	if switched.IsZero() || switched.After(began) {
		switched = began
	}
	since := began.Add(-witness.Memory)
	if o.all == nil {
		if err := o.load(ctx); err != nil {
			return err
		}
	}
	known, err := o.known(ctx, m)
	if err != nil {
		return err
	}
	known.Systems.Since(since)
	o.add(known.Systems) // of a mailbox that is there again, or new, since the start
	err = o.d.bridge.Past(ctx, m, since, known.Folders, evidence.OriginFields, func(folder string, heads []bridge.Head, next ledger.Place) error {
		found := o.d.pastIn(heads, since, switched)
		known.Systems.Join(found)
		known.Folders[folder] = next
		if err := o.keep(ctx, m, known); err != nil {
			return err
		}
		o.add(found)
		return o.d.opts.Clock.Sleep(ctx, time.Duration(len(heads))*oldMailPace)
	})
	if err != nil {
		return err
	}
	known.Read = began
	if err := o.keep(ctx, m, known); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.read[m] = began
	return nil
}

// pastIn tells who sent them.
func (d *Daemon) pastIn(heads []bridge.Head, since, until time.Time) evidence.Past {
	found, domains := evidence.Past{}, d.live.Load().cfg.Domains
	for _, head := range heads {
		at, message := evidence.Arrived(head.Header, head.Date), head.Identity.MessageID
		system := evidence.Writer(head.Header, domains)
		if system == "" || at.Before(since) || !at.Before(until) || d.canary.Is(message) {
			continue
		}
		if message == "" {
			message = fmt.Sprint(head.Identity.Match())
		}
		found.Note(system, at, message)
	}
	return found
}

func (o *oldMail) add(found evidence.Past) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if news := o.all.Join(found); o.counts {
		o.d.witness.Remember(news)
	}
	o.messages, o.systems = o.all.Messages(), len(o.all)
}

// count has all that was found be part of the testimony.
func (o *oldMail) count() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.Since(o.d.opts.Clock.Now().Add(-witness.Memory))
	o.messages, o.systems = o.all.Messages(), len(o.all)
	o.d.witness.Remember(o.all.Tallies())
	o.counts = true
}

func (o *oldMail) known(ctx context.Context, m cutover.MailboxID) (known pastOf, err error) {
	text, err := o.d.ledger.Fact(ctx, pastFact(m))
	if errors.Is(err, ledger.ErrNotFound) {
		text, err = "{}", nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &known)
	}
	if err != nil {
		return known, fmt.Errorf("reading what was found in the old mailbox of %s: %w", m, err)
	}
	if known.Folders == nil {
		known.Folders = map[string]ledger.Place{}
	}
	if known.Systems == nil {
		known.Systems = evidence.Past{}
	}
	return known, nil
}

func (o *oldMail) keep(ctx context.Context, m cutover.MailboxID, known pastOf) error {
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return o.d.ledger.SetFact(ctx, pastFact(m), string(text))
}

// describe tells how far it is.
func (o *oldMail) describe() (p control.Past) {
	if o == nil { // of a daemon that only copies
		return p
	}
	all := o.d.bridge.Progress()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range all {
		if o.d.stores.askable(m.Mailbox, cutover.Legacy) {
			p.Mailboxes++
			if !o.read[m.Mailbox].IsZero() {
				p.Read++
			}
		}
	}
	p.Messages, p.Systems, p.Counts = o.messages, o.systems, o.counts
	return p
}
