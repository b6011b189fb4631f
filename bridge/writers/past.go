package writers

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
	"posthouse/ledger"
)

// Past reads who wrote to the old mailboxes before the switch: the sender book learns habits from it. What was found becomes durable together with the place up to which was read, in one fact for each
// mailbox, and is a set: whatever is read again counts once. It counts from when every mailbox has been read on: a book that knew a part of the senders would take that for all.
type Past struct {
	cfg Config

	mu       sync.Mutex
	all      evidence.Past                   // nil while no mailbox is due: after the switch that is for good, and it may be large
	read     map[cutover.MailboxID]time.Time // when each was read to the end the last time
	counts   bool                            // all of it is in the testimony
	messages int                             // in all
	systems  int
}

const (
	// again is how often what came since is read, until the switch.
	again = 24 * time.Hour
	// pace is what reading one header may take at the least: the old server has others to serve.
	pace = time.Millisecond
	// pastName says that the past counts.
	pastName = "past"
)

func pastFact(m cutover.MailboxID) string { return pastName + "/" + string(m) }

// pastOf is what is kept for a mailbox.
type pastOf struct {
	Read    time.Time               `json:"read,omitzero"` // to the end, the last time
	Folders map[string]ledger.Place `json:"folders"`       // from where to read on, by the old server's name
	Systems evidence.Past           `json:"systems"`
}

// OpenPast brings back what was found by former processes.
func OpenPast(ctx context.Context, cfg Config) (*Past, error) {
	o := &Past{cfg: cfg, read: map[cutover.MailboxID]time.Time{}}
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	_, err := cfg.Facts.Fact(ctx, pastName)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		o.count()
	}
	return o, nil
}

// load reads all that was found.
func (o *Past) load(ctx context.Context) error {
	all, read := evidence.Past{}, map[cutover.MailboxID]time.Time{}
	for _, p := range o.cfg.Bridge.Progress() {
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
func (o *Past) rest() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = nil
}

// Look reads on in each mailbox that is due.
func (o *Past) Look(ctx context.Context) error {
	switched := o.cfg.Switched()
	all, some := true, false
	for _, p := range o.cfg.Bridge.Progress() {
		if !o.cfg.Askable(p.Mailbox, cutover.Legacy) {
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
			o.cfg.Log.WithField("mailbox", p.Mailbox).WithError(err).Debug("its old mailbox could not be read for the sender book")
		}
	}
	switch {
	case !all || !some:
		return nil
	case !o.counts:
		if err := o.cfg.Facts.SetFact(ctx, pastName, "read"); err != nil {
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
func (o *Past) due(m cutover.MailboxID, switched time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	read := o.read[m]
	if read.IsZero() {
		return true
	}
	return o.cfg.Clock.Now().Sub(read) >= again && (switched.IsZero() || read.Before(switched))
}

// mailbox reads on from where the last look ended. What comes after the switch shows as growth, and at the listeners.
func (o *Past) mailbox(ctx context.Context, m cutover.MailboxID, switched time.Time) error {
	began := o.cfg.Clock.Now()
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
	err = o.cfg.Bridge.Past(ctx, m, since, known.Folders, evidence.OriginFields, func(folder string, heads []bridge.Head, next ledger.Place) error {
		found := o.found(heads, since, switched)
		known.Systems.Join(found)
		known.Folders[folder] = next
		if err := o.keep(ctx, m, known); err != nil {
			return err
		}
		o.add(found)
		return o.cfg.Clock.Sleep(ctx, time.Duration(len(heads))*pace)
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

// found tells who sent them.
func (o *Past) found(heads []bridge.Head, since, until time.Time) evidence.Past {
	found, domains := evidence.Past{}, o.cfg.Domains()
	for _, head := range heads {
		at, message := evidence.Arrived(head.Header, head.Date), head.Identity.MessageID
		system := evidence.Writer(head.Header, domains)
		if system == "" || at.Before(since) || !at.Before(until) || o.cfg.Ours(message) {
			continue
		}
		if message == "" {
			message = fmt.Sprint(head.Identity.Match())
		}
		found.Note(system, at, message)
	}
	return found
}

func (o *Past) add(found evidence.Past) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if news := o.all.Join(found); o.counts {
		o.cfg.Witness.Remember(news)
	}
	o.messages, o.systems = o.all.Messages(), len(o.all)
}

// count has all that was found be part of the testimony.
func (o *Past) count() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.Since(o.cfg.Clock.Now().Add(-witness.Memory))
	o.messages, o.systems = o.all.Messages(), len(o.all)
	o.cfg.Witness.Remember(o.all.Tallies())
	o.counts = true
}

func (o *Past) known(ctx context.Context, m cutover.MailboxID) (known pastOf, err error) {
	text, err := o.cfg.Facts.Fact(ctx, pastFact(m))
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

func (o *Past) keep(ctx context.Context, m cutover.MailboxID, known pastOf) error {
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return o.cfg.Facts.SetFact(ctx, pastFact(m), string(text))
}

// State is how far it is.
type State struct {
	Mailboxes int  // that can be read
	Read      int  // of them, to the end
	Messages  int  // found so far that others sent
	Systems   int  // that sent them
	Counts    bool // in the testimony
}

// State tells how far it is.
func (o *Past) State() (p State) {
	all := o.cfg.Bridge.Progress()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range all {
		if o.cfg.Askable(m.Mailbox, cutover.Legacy) {
			p.Mailboxes++
			if !o.read[m.Mailbox].IsZero() {
				p.Read++
			}
		}
	}
	p.Messages, p.Systems, p.Counts = o.messages, o.systems, o.counts
	return p
}
