package bridge

import (
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// GrowthSource is the name of the evidence source that new items in legacy mailboxes are.
const GrowthSource = "mailboxes"

// witness makes observations of new items in a legacy mailbox, which are use of the old server: received, or sent by its owner. Each goes with its row from the intent on, and is recorded together with
// the item's outcome: no kill comes in between, and a batch that is tried again is not reported again. What carries our trace came through the listener, which has
// reported it; what the mailbox held before under another reference was only moved.
func (w *worker) witness(p *pair, b Batch, alike, news []ledger.Item) {
	if !b.Fresh {
		return
	}
	moved := map[cutover.Key]bool{}
	for _, row := range alike {
		moved[row.Identity.Match()] = true
	}
	for i, t := range news {
		if _, ours := t.Identity.Trace.Verify(w.b.cfg.TraceKey); !ours && !moved[t.Identity.Match()] {
			news[i].News = w.observation(p, t)
		}
	}
}

// witnessEdits makes observations of items that were changed on the old side.
func (w *worker) witnessEdits(p *pair, b Batch, edits []revision) {
	if !b.Fresh {
		return
	}
	for i, e := range edits {
		edits[i].row.News = w.observation(p, e.row)
	}
}

func (w *worker) observation(p *pair, t ledger.Item) *evidence.Observation {
	o := &evidence.Observation{
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
