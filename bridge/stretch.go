package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// stretch is a run of batches of one folder. Each is prepared (known, joined, adopted, intended) and its bodies follow on the belt while the copies of the one before are still being
// answered for, and while the headers of the next are read; so nobody waits for a round trip. Batches are settled in their order: the cursor never passes
// one that is open.
//
// While the belt runs the cloud is asked for nothing else: the connection for putting may be the only one. A batch that needs to ask (flags that changed, a
// copy that may lie there already) waits until the belt has ended, and a stretch is short, so that what others put into the folder is seen soon.
type stretch struct {
	w *worker
	p *pair
	// state is the cloud folder's as of the last look; the tail that intents are written with.
	state FolderState
	belt  *belt         // nil while nothing is on its way
	last  chan struct{} // closed when the batch before is settled; nil when there is none
	ahead chan struct{} // closed when the read-ahead has ended; nil when there is none
	fresh bool          // the batch being worked on is news
	from  together      // where batches come from

	// What settling came to; it belongs to the batch being settled, one after the other, and to finish.
	err    error
	copied []ledger.Item // of the first batch, for the probe
	// laid are rows of which the cloud does not tell where their copies lie. They must be looked for before the cursor moves.
	laid []ledger.Item
	cut  bool // a batch did not get onto the belt whole
	// refused is what the cloud refused as it is. It is repaired when the belt has ended, and the cursor moves after that.
	refused []refusal
}

// stretchLength is how many batches a stretch has at the most.
const stretchLength = 16

// run works on batches from the cursor on, and reports whether there may be more.
func (s *stretch) run(ctx context.Context, cursor ledger.Cursor) (more bool, err error) {
	defer func() { err = s.finish(ctx, err) }()
	s.from.next = func(ctx context.Context, c ledger.Cursor) (Batch, error) { return s.w.legacy.Next(ctx, s.p.legacy, c) }
	items, octets := s.w.fills(ctx, s.p)
	next := func() (Batch, error) { return s.from.first(ctx, cursor, items, octets) }
	for range stretchLength {
		b, err := next()
		if err != nil {
			return false, err
		}
		if len(b.Changes) == 0 {
			err := s.nothing(ctx, cursor, b.After)
			return err != nil, err
		}
		b.Fresh = b.Fresh && cursor != "" // what the first look finds was there before us
		cursor = b.After
		next = s.readAhead(ctx, cursor)
		if err := s.work(ctx, b); err != nil {
			return true, err
		}
		if s.w.hinted() || s.failed() {
			break
		}
	}
	return true, nil
}

// readAhead reads the next batch's headers while this one is worked on. The function it returns waits for them.
func (s *stretch) readAhead(ctx context.Context, cursor ledger.Cursor) func() (Batch, error) {
	var b Batch
	var err error
	done := make(chan struct{})
	s.ahead = done
	go func() {
		defer close(done)
		b, err = s.from.following(ctx, cursor)
	}()
	return func() (Batch, error) { <-done; return b, err }
}

// nothing is pending any more. A cursor that moved all the same is kept.
func (s *stretch) nothing(ctx context.Context, cursor, after ledger.Cursor) error {
	if err := s.drain(); err != nil {
		return err
	}
	if err := s.w.filled(ctx, s.p); err != nil {
		return err
	}
	s.p.index = nil
	if len(s.laid) > 0 || after == "" || after == cursor {
		return nil
	}
	_, err := s.w.b.cfg.Ledger.Settle(ctx, s.p.ID, nil, &after)
	return err
}

// work disposes of every change in a batch. In order: what the ledger knows, under this reference or an earlier one; what the rules leave out; what the listener captured; what was moved
// here from another folder; what the cloud holds already; what is left to put.
func (s *stretch) work(ctx context.Context, b Batch) error {
	w, p := s.w, s.p
	if p.Kind.Objects() {
		return s.workObjects(ctx, b)
	}
	s.fresh = b.Fresh || w.status.following() // a folder that was made just now is news as a whole
	known, err := s.known(ctx, b)
	if err != nil {
		return err
	}
	if err := w.displaced(ctx, p, b, known); err != nil {
		return err
	}
	if err := w.followFlags(ctx, p, b, known); err != nil {
		return err
	}
	if err := w.identify(ctx, p, b, known); err != nil {
		return err
	}
	news := w.unknown(p.ID, b, known)
	alike, err := w.alike(ctx, news)
	if err == nil {
		alike, err = s.outOfDoubt(ctx, alike, news)
	}
	if err != nil {
		return err
	}
	if news, err = s.renewed(ctx, b, alike, news); err != nil {
		return err
	}
	rows, news, err := w.renew(ctx, p, b, alike, news)
	if err != nil {
		return err
	}
	w.witness(p, b, alike, news)
	skipped, rest := w.leaveOut(news)
	if w.rules.Discard && len(skipped) > 0 {
		if err := s.discard(ctx, b, alike, skipped); err != nil {
			return err
		}
		if alike, err = w.alike(ctx, rest); err != nil {
			return err
		}
		skipped = nil
	}
	captured, others := parted(alike)
	if rest, err = s.moved(ctx, captured, rest); err != nil {
		return err
	}
	joined, rest, err := w.join(ctx, p, rest)
	if err != nil {
		return err
	}
	if rest, err = s.moved(ctx, others, rest); err != nil {
		return err
	}
	rows = slices.Concat(rows, skipped, joined)
	adopted, rest, err := s.adopted(ctx, rest)
	if errors.Is(err, errLookAgain) {
		return err
	}
	if err != nil {
		return errors.Join(err, w.keep(ctx, p, rows, nil, err))
	}
	return s.carry(ctx, b, append(rows, adopted...), rest)
}

// known are the rows of the batch's items, when nothing is on its way that could change them.
func (s *stretch) known(ctx context.Context, b Batch) (map[cutover.Ref]ledger.Item, error) {
	known, err := s.w.known(ctx, s.p, b)
	if err != nil || len(known) == 0 || s.belt == nil && s.last == nil {
		return known, err
	}
	if err := s.drain(); err != nil {
		return nil, err
	}
	return s.w.known(ctx, s.p, b)
}

// adopted finds what lies in the cloud already. The cloud is asked what is new there only while nothing is on its way.
func (s *stretch) adopted(ctx context.Context, rows []ledger.Item) (adopted, rest []ledger.Item, err error) {
	if len(rows) == 0 {
		return nil, nil, nil
	}
	if all, can := s.w.cloud.(Warmer); can && s.belt == nil {
		all.Warm(ctx)
	}
	index := s.p.index
	if s.belt == nil || index == nil || index.matchAny(rows, s.w.b.cfg.TraceKey) {
		if err := s.drain(); err != nil {
			return nil, nil, err
		}
		if index, s.state, err = s.w.candidates(ctx, s.p, rows); err != nil {
			return nil, nil, err
		}
	}
	matches, rest, err := s.w.adopt(ctx, s.p, index, rows, false)
	if err != nil {
		return nil, nil, err
	}
	if err := s.w.cameLate(ctx, s.p, matches); err != nil {
		return nil, nil, err
	}
	adopted, err = s.w.rowsOf(ctx, s.p, matches, s.state, cutover.Adopted)
	if err == nil && s.p.Kind.Objects() {
		err = s.w.keepDiffering(ctx, s.p, adopted)
	}
	s.p.leaveOf(adopted)
	return adopted, rest, err
}

// carry settles the rows that are disposed of, and brings the rest into the cloud. The batch is settled when all of it has landed; nobody waits for that.
func (s *stretch) carry(ctx context.Context, b Batch, rows, rest []ledger.Item) error {
	if len(rest) == 0 && s.last == nil && len(s.laid) == 0 {
		return s.w.keep(ctx, s.p, rows, &b.After, nil)
	}
	if len(rows) > 0 { // the next batch must know of them
		if err := s.w.keep(ctx, s.p, rows, nil, nil); err != nil {
			return err
		}
	}
	c := s.w.newCarriage(s.p, nil)
	var fetchErr error
	if len(rest) > 0 {
		intended, err := s.w.intend(ctx, s.p, rest, s.state)
		if err != nil {
			return err
		}
		if intended, err = s.joinLate(ctx, intended); err != nil {
			return err
		}
		c = s.w.newCarriage(s.p, intended)
		if s.belt == nil {
			s.belt = newBelt(ctx, s.w.cloud, s.p.cloud)
		}
		fetchErr = c.fetch(ctx, s.belt)
	}
	s.settleLater(ctx, c, fetchErr, b.After)
	return nil
}

// joinLate looks again for what the listener captured, now that everybody can see what is about to be put: who delivers a capture looks for intents after it is stored, so one of the two
// sees the other.
func (s *stretch) joinLate(ctx context.Context, intended []ledger.Item) ([]ledger.Item, error) {
	joined, rest, err := s.w.join(ctx, s.p, intended)
	if err != nil || len(joined) == 0 {
		return rest, err
	}
	return rest, s.w.keep(ctx, s.p, joined, nil, nil)
}

// settleLater settles the batch when it has landed and those before it are settled. It waits for the latter, so that no more than two are open.
func (s *stretch) settleLater(ctx context.Context, c *carriage, fetchErr error, after ledger.Cursor) {
	if s.last != nil {
		<-s.last
	}
	last := make(chan struct{})
	s.last = last
	go func() {
		defer close(last)
		s.settle(ctx, c, fetchErr, after)
	}()
	if fetchErr != nil {
		<-last // so that the stretch ends here
	}
}

func (s *stretch) settle(ctx context.Context, c *carriage, fetchErr error, after ledger.Cursor) {
	rows, err := c.finish(ctx, fetchErr)
	s.p.leaveOf(rows)
	s.err = errors.Join(s.err, err)
	s.laid, s.cut = append(s.laid, c.laid...), s.cut || c.cut
	s.refused = append(s.refused, c.refused...)
	cursor := &after
	if s.broken() {
		cursor = nil
	}
	if err := s.w.keep(ctx, s.p, rows, cursor, s.err); err != nil {
		s.err = errors.Join(s.err, err)
		return
	}
	if s.p.index != nil {
		s.p.index.own += placed(rows)
	}
	if s.copied == nil {
		s.copied = rows
	}
}

// broken: what comes after cannot be settled. Ask only when nobody is settling.
func (s *stretch) broken() bool {
	return s.err != nil || len(s.laid) > 0 || s.cut || len(s.refused) > 0
}

// failed reports whether a batch could not be settled. It does not wait for the one that is on its way.
func (s *stretch) failed() bool {
	if s.belt != nil && s.belt.ctx.Err() != nil {
		return true
	}
	if s.last == nil {
		return s.broken()
	}
	select {
	case <-s.last:
		return s.broken()
	default:
		return false
	}
}

// drain ends the belt and waits until everything on it is settled. It returns what failed, or errLookAgain where the cursor could not move for another reason.
func (s *stretch) drain() error {
	var ended error
	if s.belt != nil {
		ended = s.belt.close()
		s.belt = nil
	}
	if s.last != nil {
		<-s.last
		s.last = nil
	}
	s.err = errors.Join(ended, s.err)
	if s.err == nil && s.broken() {
		return errLookAgain
	}
	return s.err
}

// finish leaves nothing under way.
func (s *stretch) finish(ctx context.Context, err error) error {
	drained := s.drain()
	if s.ahead != nil {
		<-s.ahead
	}
	if errors.Is(err, errLookAgain) || err != nil && errors.Is(drained, err) {
		err = nil // no failure, or said already
	}
	if !errors.Is(drained, errLookAgain) {
		err = errors.Join(drained, err)
	}
	if err = errors.Join(err, s.mend(ctx, err), s.w.saveLeft(context.WithoutCancel(ctx), s.p)); err != nil {
		return err
	}
	if len(s.laid) > 0 {
		if s.copied, err = s.w.recoverLaid(ctx, s.p, s.laid); err != nil {
			return err
		}
	}
	return s.w.probe(ctx, s.p, s.copied)
}

// mend repairs what was refused. Where the mailbox has to wait, for what else failed, it was surely not put, and its turn comes again.
func (s *stretch) mend(ctx context.Context, failure error) error {
	if wholeMailbox(ctx, failure) {
		return s.w.forget(ctx, s.refused)
	}
	return s.w.mend(ctx, s.p, s.refused)
}

// keep makes rows durable, and the cursor if it is given; what was done is kept even when the work is being ended.
func (w *worker) keep(ctx context.Context, p *pair, rows []ledger.Item, cursor *ledger.Cursor, failure error) error {
	if len(rows) == 0 && cursor == nil {
		return nil
	}
	if failure != nil {
		ctx = context.WithoutCancel(ctx)
	}
	if err := w.settleMerged(ctx, p, rows, cursor); err != nil {
		return fmt.Errorf("settling: %w", err)
	}
	w.status.settled(p, rows)
	w.b.turns.settled(rows)
	if len(rows) > 0 && w.status.following() {
		w.busy.arrived(p, w.b.cfg.Clock.Now())
	}
	return nil
}
