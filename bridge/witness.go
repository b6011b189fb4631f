package bridge

import (
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// GrowthSource is the name of the evidence source that new items in legacy mailboxes are.
const GrowthSource = "mailboxes"

// witness makes observations of new items in a legacy mailbox, which are use of the old server: received, or sent by its owner. They are reported just before the ledger
// knows the items, so that a batch that is tried again is not reported again, and a crash loses none. What carries our trace came through the listener, which has
// reported it; what the mailbox held before under another reference was only moved.
func (w *worker) witness(p *pair, b Batch, alike, news []ledger.Item) []evidence.Observation {
	if !b.Fresh || w.b.cfg.Observe == nil {
		return nil
	}
	moved := map[cutover.Key]bool{}
	for _, row := range alike {
		moved[row.Identity.Match()] = true
	}
	var seen []evidence.Observation
	for _, t := range news {
		if _, ours := t.Identity.Trace.Verify(w.b.cfg.TraceKey); !ours && !moved[t.Identity.Match()] {
			seen = append(seen, w.observation(p, t))
		}
	}
	return seen
}

// witnessEdits makes observations of items that were changed on the old side.
func (w *worker) witnessEdits(p *pair, b Batch, edits []revision) (seen []evidence.Observation) {
	if !b.Fresh || w.b.cfg.Observe == nil {
		return nil
	}
	for _, e := range edits {
		seen = append(seen, w.observation(p, e.row))
	}
	return seen
}

func (w *worker) observation(p *pair, t ledger.Item) evidence.Observation {
	o := evidence.Observation{
		At: w.b.cfg.Clock.Now(), Channel: evidence.Arriving, Class: evidence.Wanted, Source: GrowthSource,
		Sender: string(w.m.ID), Mailbox: w.m.ID, Message: t.Identity.MessageID, Detail: p.Legacy.String(),
	}
	if p.Kind.Objects() { // somebody keeps his calendar there
		o.Channel = evidence.Login
	}
	switch p.Role {
	case cutover.Sent, cutover.Drafts:
		o.Channel = evidence.Sending
	case cutover.Junk:
		o.Class = evidence.Unwanted
	}
	return o
}
