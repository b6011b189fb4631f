package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Sighting is where an item was seen in a mailbox.
type Sighting struct {
	Folder cutover.FolderPath
	Place  ledger.Place
}

// String is how a delivery records where its message was seen.
func (s Sighting) String() string {
	if s.Place.Ref == "" {
		return s.Folder.String()
	}
	return fmt.Sprintf("%s UID %s", s.Folder, s.Place.Ref)
}

// Find looks for captured messages in a mailbox on one side, all folders, Junk and Trash included, and returns the sightings by index into wanted; what was not seen is absent. A valid
// trace decides. Where the server is not known to keep traces, a received item with the same key counts too, if it came no earlier than the capture and is no other message's: no legacy item's
// copy, and no other capture's, of which each has one. ErrBusy while that cannot be told, because a legacy item with this key, or with this trace, is being put.
func (b *Bridge) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]Sighting, error) {
	w, err := b.worker(m)
	if err != nil {
		return nil, err
	}
	s := search{w: w, side: side, wanted: slices.Clone(wanted), found: map[int]Sighting{}}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	err = b.doors.with(w.m, side, func(store Store) error {
		if err := s.run(ctx, store); err != nil {
			return err
		}
		return s.likenesses(ctx, store)
	})
	if err != nil {
		return nil, fmt.Errorf("looking into the %s mailbox of %s: %w", side, m, err)
	}
	return s.found, nil
}

// search is one question for captured messages.
type search struct {
	w      *worker
	side   cutover.Side
	wanted []cutover.Identity
	found  map[int]Sighting // by index into wanted
	maybe  []likeness
	keeps  bool // the server is known to keep traces
}

// likeness is an item without a trace that looks like something wanted.
type likeness struct {
	in   cutover.Folder
	at   Sighting
	item cutover.Item
}

// prepare makes what is wanted fit to be searched for without its trace: the ledger keeps no Message-IDs.
func (s *search) prepare(ctx context.Context) (err error) {
	if s.keeps, err = s.w.factHolds(ctx, s.w.keepsTraceFact(s.side)); err != nil || s.keeps {
		return err
	}
	for i, want := range s.wanted {
		own, ours := want.Trace.Verify(s.w.b.cfg.TraceKey)
		if want.MessageID != "" || !ours {
			continue
		}
		if s.wanted[i].MessageID, err = s.w.b.captureMessageID(ctx, own); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) run(ctx context.Context, store Store) error {
	folders, err := store.Folders(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(folders, func(a, b cutover.Folder) int { return urgency(a.Role) - urgency(b.Role) })
	for _, f := range folders {
		if s.elsewhere(f) || f.NoSelect || f.Kind != cutover.Mail {
			continue
		}
		if err := s.in(ctx, store, f); err != nil {
			return err
		}
		if len(s.found) == len(s.wanted) {
			return nil
		}
	}
	return nil
}

// elsewhere reports whether a folder that the login sees is none of the mailbox's.
func (s *search) elsewhere(f cutover.Folder) bool {
	if s.side == cutover.Legacy {
		return s.w.rules.outside(f) != ""
	}
	return f.Foreign
}

func (s *search) in(ctx context.Context, store Store, f cutover.Folder) error {
	open := s.open(f)
	state, err := store.State(ctx, f)
	if err != nil || state.Items == 0 {
		return err
	}
	for item, err := range store.Search(ctx, f, open) {
		if err != nil {
			return err
		}
		if err := s.met(ctx, store, likeness{f, Sighting{Folder: f.Path, Place: ledger.Place{Validity: state.Validity, Ref: item.Ref}}, item}); err != nil {
			return err
		}
	}
	return nil
}

// open is what was not seen yet. What has nothing but its trace may be anything where the trace may be lost: then the folders where mail arrives are read whole.
func (s *search) open(f cutover.Folder) (open []cutover.Identity) {
	arrives := f.Role == cutover.Inbox || f.Role == cutover.Junk || f.Role == cutover.Trash
	for i, id := range s.wanted {
		if _, seen := s.found[i]; seen {
			continue
		}
		if id.MessageID == "" && !id.Loose.IsZero() && !s.keeps && arrives {
			id.Trace = ""
		}
		open = append(open, id)
	}
	return open
}

// met notes an item that is wanted, by its trace, or that may be.
func (s *search) met(ctx context.Context, store Store, l likeness) error {
	trace, traced := l.item.Identity.Trace.Verify(s.w.b.cfg.TraceKey)
	may := false
	for i, want := range s.wanted {
		if _, seen := s.found[i]; seen {
			continue
		}
		own, _ := want.Trace.Verify(s.w.b.cfg.TraceKey)
		if traced && trace == own && (want.Key.IsZero() || alike(want, l.item.Identity)) {
			other, err := s.replayed(ctx, store, l, want)
			if err != nil || other {
				return err
			}
			s.found[i] = l.at
			return s.traceKept(ctx)
		}
		may = may || !traced && mayBe(l, want, own)
	}
	if may {
		s.maybe = append(s.maybe, l)
	}
	return nil
}

// clockSkew is how wrong two servers' clocks may be against each other.
const clockSkew = 24 * time.Hour

// mayBe reports whether an item without a trace looks like the capture: a copy in Sent or Drafts is the sender's own, and what was there before the capture is another message.
func mayBe(l likeness, want cutover.Identity, id cutover.CaptureID) bool {
	if l.in.Role == cutover.Sent || l.in.Role == cutover.Drafts || !alike(want, l.item.Identity) {
		return false
	}
	return id == "" || l.item.Date.IsZero() || !l.item.Date.Before(id.Time().Add(-clockSkew))
}

// traceKept notes that the server gives back the trace that it was given.
func (s *search) traceKept(ctx context.Context) error { return s.w.noteTraceKept(ctx, s.side) }

// likenesses gives items without a trace to what was not seen, where the server is not known to keep traces.
func (s *search) likenesses(ctx context.Context, store Store) error {
	if keeps, err := s.w.factHolds(ctx, s.w.keepsTraceFact(s.side)); err != nil || keeps || len(s.maybe) == 0 {
		return err
	}
	for i, want := range s.wanted {
		if _, seen := s.found[i]; seen {
			continue
		}
		j, err := s.likeness(ctx, store, want)
		if err != nil {
			return err
		}
		if j >= 0 {
			s.found[i] = s.maybe[j].at
			s.maybe = slices.Delete(s.maybe, j, j+1)
		}
	}
	return nil
}

// likeness returns the index of the item that stands for the capture, or -1.
func (s *search) likeness(ctx context.Context, store Store, want cutover.Identity) (int, error) {
	own, _ := want.Trace.Verify(s.w.b.cfg.TraceKey)
	like := func(l likeness) bool { return mayBe(l, want, own) }
	if s.side == cutover.Legacy {
		return slices.IndexFunc(s.maybe, like), nil
	}
	text, err := s.w.b.captureText(ctx, own)
	if err != nil {
		return -1, err
	}
	rivals, err := s.rivals(ctx, want, own, text)
	if err != nil {
		return -1, err
	}
	var same, others []int // by what they say
	for j, l := range s.maybe {
		if !like(l) {
			continue
		}
		if other, err := s.another(ctx, l, want, rivals); err != nil {
			return -1, err
		} else if other {
			continue
		}
		found, err := prints(ctx, store, l.in, []cutover.Ref{l.item.Ref})
		if err != nil {
			return -1, err
		}
		if found[l.item.Ref].unlike(print{text: text}) {
			others = append(others, j)
		} else {
			same = append(same, j)
		}
	}
	if !rivals.strict {
		same = append(same, others...)
	}
	if rivals.before < len(same) {
		return same[rivals.before], nil
	}
	return -1, nil
}

// rivals are the other captures that look like one.
type rivals struct {
	seen   map[string]bool // where they were seen
	before int             // how many are to be given an item first
	// strict: nobody said that the capture was accepted, so that only what says the same stands for it, unless the cloud changes what mail says.
	strict bool
}

func (s *search) rivals(ctx context.Context, want cutover.Identity, own cutover.CaptureID, text cutover.Digest) (rivals, error) {
	r := rivals{seen: map[string]bool{}}
	alters, err := s.w.cloudAltersText(ctx, cutover.Mail)
	if err != nil {
		return r, err
	}
	all, err := s.w.b.cfg.Ledger.Expected(ctx, s.w.m.ID, []cutover.Key{want.Match()}, nil)
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(all, func(e ledger.Expected) bool { return e.Capture == own })
	doubtful := i >= 0 && all[i].State != ledger.Accepted
	r.strict = doubtful && !alters
	for j, e := range all {
		accepted := e.State == ledger.Accepted
		switch {
		case e.Capture == own:
		case e.State == ledger.Settled:
			r.seen[e.Seen] = true
		case s.asked(e.Capture) || !mayLie(e):
		case accepted && doubtful, accepted != doubtful && j < i:
			other, err := s.w.b.captureText(ctx, e.Capture)
			if err != nil {
				return r, err
			}
			if alters || !(print{text: other}).unlike(print{text: text}) {
				r.before++
			}
		}
	}
	return r, nil
}

// asked reports whether the capture is itself asked for: it gets its own turn.
func (s *search) asked(id cutover.CaptureID) bool {
	return slices.ContainsFunc(s.wanted, func(want cutover.Identity) bool {
		own, _ := want.Trace.Verify(s.w.b.cfg.TraceKey)
		return own == id
	})
}

// another reports whether an item without a trace that looks like a capture is another message: another capture's, or a legacy item's copy.
func (s *search) another(ctx context.Context, l likeness, want cutover.Identity, others rivals) (bool, error) {
	own, _ := want.Trace.Verify(s.w.b.cfg.TraceKey)
	if others.seen[l.at.String()] || s.side == cutover.Cloud && s.w.deposits.ofAnother(l.at, own) {
		return true, nil
	}
	// Before asking who claims it: a copy whose row is not settled yet is claimed by none.
	rows, err := s.w.b.cfg.Ledger.ByKey(ctx, s.w.m.ID, []cutover.Key{want.Match(), l.item.Identity.Match()})
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(rows, func(row ledger.Item) bool { return row.Disposition == cutover.Intended }) {
		return false, fmt.Errorf("%s: %w: a legacy item like it is being put", l.at.Folder, ErrBusy)
	}
	return s.claimed(ctx, l.at)
}

// claimed reports whether a legacy item's copy lies at this place.
func (s *search) claimed(ctx context.Context, at Sighting) (bool, error) {
	pairs, err := s.w.b.cfg.Ledger.Pairs(ctx, s.w.m.ID)
	if err != nil {
		return false, err
	}
	for _, p := range pairs {
		if p.Cloud.Key() != at.Folder.Key() {
			continue
		}
		taken, err := s.w.b.cfg.Ledger.Claimed(ctx, p.ID, []ledger.Place{at.Place})
		if err != nil || len(taken) > 0 {
			return true, err
		}
	}
	return false, nil
}
