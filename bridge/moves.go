package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// A user who files a message on the old side makes it vanish from one folder and appear in another. Its copy in the cloud is moved too, rather than a second one put. A renamed folder is
// nothing else: all its messages are moved.
//
// News with the key of a row is such a message if the row's item is no longer where it was on the old side (a user who copies leaves it there) and if bodies and dates agree. Where
// the cloud's copy is not where we put it, the user moved or deleted it there, and it stays so. The order: intend the new row; move; settle the new row and the old one together. A
// crash in between leaves an intent, which is asked for in the new folder's tail as any other; until that is settled the old row stays.
//
// Programs of users whose server cannot move file a message by copying it, marking the first one as deleted, and expunging that, now or much later. So what is marked counts as gone, and what was
// just copied is looked at twice.

// origin is a row whose item is no longer where it was on the old side, or marked as deleted there.
type origin struct {
	from   *pair
	row    ledger.Item
	here   bool // its copy lies where we put it
	marked bool
}

// move is a message that was moved on the old side.
type move struct {
	*origin
	now ledger.Item
}

// moved finds the news that are moves, disposes of them, and returns the rest. Who looks for copies afterwards must know whose those are that were moved.
func (s *stretch) moved(ctx context.Context, alike, news []ledger.Item) (rest []ledger.Item, err error) {
	if len(alike) == 0 || len(news) == 0 {
		return news, nil
	}
	origins, staying, err := s.w.gone(ctx, alike)
	if err == nil && s.fresh && !s.p.Kind.Objects() && anyCopied(staying, news) {
		origins, staying, err = s.markedSoon(ctx, alike)
	}
	if err == nil {
		origins, err = s.unmarked(ctx, origins, staying, news)
	}
	if err != nil || len(origins) == 0 {
		return news, err
	}
	if err := s.drain(); err != nil {
		return nil, err
	}
	if err := s.w.lookForCopies(ctx, origins); err != nil {
		return nil, err
	}
	moves, rest, err := s.w.matchMoves(ctx, s.p, origins, news)
	if err != nil || len(moves) == 0 {
		return news, err
	}
	s.p.index = nil // what is moved into the folder is no foreign copy
	rows, left, err := s.carryMoves(ctx, moves)
	if err != nil {
		return nil, err
	}
	if err := s.w.keep(ctx, s.p, rows, nil, nil); err != nil {
		return nil, err
	}
	return append(rest, left...), s.followMovedFlags(ctx, moves)
}

// filing is how long a program may take to mark what it copied.
const filing = 2 * time.Second

// markedSoon looks once more, after a moment, which of the rows' items are gone.
func (s *stretch) markedSoon(ctx context.Context, alike []ledger.Item) (origins []*origin, staying []ledger.Item, err error) {
	if err := s.drain(); err != nil {
		return nil, nil, err
	}
	if err := s.w.b.cfg.Clock.Sleep(ctx, filing); err != nil {
		return nil, nil, err
	}
	return s.w.gone(ctx, alike)
}

// anyCopied reports whether any of the news looks like a copy, made on the old side, of an item that stays. Such a copy keeps the date.
func anyCopied(staying, news []ledger.Item) bool {
	return slices.ContainsFunc(news, func(now ledger.Item) bool {
		return !now.Flags.Has(`\Deleted`) && slices.ContainsFunc(staying, func(row ledger.Item) bool {
			return row.Identity.Match() == now.Identity.Match() && row.Date.Equal(now.Date) && row.Legacy != now.Legacy
		})
	})
}

// outOfDoubt settles what was being put into other folders, among rows alike to news: whether it has a copy decides whether the news is a move.
func (s *stretch) outOfDoubt(ctx context.Context, alike, news []ledger.Item) ([]ledger.Item, error) {
	asked := map[ledger.FolderID]bool{}
	for _, row := range alike {
		if row.Disposition != cutover.Intended || row.Folder == s.p.ID || asked[row.Folder] {
			continue
		}
		asked[row.Folder] = true
		if err := s.drain(); err != nil {
			return nil, err
		}
		from, err := s.w.pairOf(ctx, row.Folder)
		if err != nil {
			return nil, err
		}
		if err := s.w.cloudFolder(ctx, from); errors.Is(err, ErrGone) {
			continue // with its folder: there is nothing to move
		} else if err != nil {
			return nil, err
		}
		if err := s.w.recover(ctx, from); err != nil {
			return nil, err
		}
	}
	if len(asked) == 0 {
		return alike, nil
	}
	return s.w.alike(ctx, news)
}

// matchMoves pairs news with rows whose items are gone, each row once, by key and body.
func (w *worker) matchMoves(ctx context.Context, p *pair, origins []*origin, news []ledger.Item) (moves []move, rest []ledger.Item, err error) {
	byKey := map[cutover.Key][]*origin{}
	for _, o := range origins {
		byKey[o.row.Identity.Match()] = append(byKey[o.row.Identity.Match()], o)
	}
	var asked []ledger.Item
	for _, now := range news {
		if len(byKey[now.Identity.Match()]) > 0 {
			asked = append(asked, now)
		} else {
			rest = append(rest, now)
		}
	}
	if err := w.digested(ctx, p, asked); err != nil {
		return nil, nil, fmt.Errorf("reading what may have been moved: %w", err)
	}
	// Servers keep the date of what is moved; true duplicates differ in it, or in nothing but their flags. Where the key has no Message-ID, messages of one kind may agree in all that but their length.
	same := func(o *origin, now ledger.Item) bool {
		if p.Kind.Objects() {
			return true // its UID is the key; whether it changed as well is seen to afterwards
		}
		if id, traced := now.Identity.Trace.Verify(w.b.cfg.TraceKey); traced && isCaptured(o.row) != (id == o.row.Capture) {
			return false
		}
		if now.Identity.Key.IsZero() && o.row.Size != now.Size {
			return false
		}
		return o.row.Date.Equal(now.Date) && (o.row.Digest == now.Digest && !now.Digest.IsZero() || o.row.Digest.IsZero() && o.row.Size == now.Size)
	}
	gone := func(o *origin, now ledger.Item) bool { return same(o, now) && !o.marked }
	here := func(o *origin, now ledger.Item) bool { return gone(o, now) && o.here }
	exact := func(o *origin, now ledger.Item) bool { return here(o, now) && o.row.Flags.Equal(now.Flags) }
	// What is marked itself is no reason to move what is marked elsewhere.
	marked := func(o *origin, now ledger.Item) bool { return same(o, now) && !now.Flags.Has(`\Deleted`) }
	markedHere := func(o *origin, now ledger.Item) bool { return marked(o, now) && o.here }
	for _, same := range []func(*origin, ledger.Item) bool{exact, here, gone, markedHere, marked} {
		var open []ledger.Item
		for _, now := range asked {
			key := now.Identity.Match()
			i := slices.IndexFunc(byKey[key], func(o *origin) bool { return same(o, now) })
			if i < 0 {
				open = append(open, now)
				continue
			}
			moves = append(moves, move{byKey[key][i], now})
			byKey[key] = slices.Delete(byKey[key], i, i+1)
		}
		asked = open
	}
	return moves, append(rest, asked...), nil
}

// lookForCopies finds out which copies lie in the cloud where we put them.
func (w *worker) lookForCopies(ctx context.Context, origins []*origin) error {
	byFolder := map[*pair][]*origin{}
	for _, o := range origins {
		byFolder[o.from] = append(byFolder[o.from], o)
	}
	for from, of := range byFolder {
		if err := w.lookIn(ctx, from, of); err != nil && !errors.Is(err, ErrGone) {
			return fmt.Errorf("looking for copies in the cloud's %s: %w", from.Cloud, err)
		}
	}
	return nil
}

func (w *worker) lookIn(ctx context.Context, from *pair, origins []*origin) error {
	if err := w.cloudFolder(ctx, from); err != nil {
		return err
	}
	state, err := w.cloudState(ctx, from)
	if err != nil {
		return err
	}
	if err := w.placeCaptures(ctx, from, state, origins); err != nil {
		return err
	}
	var refs []cutover.Ref
	for _, o := range origins {
		if o.row.Cloud.Ref != "" {
			refs = append(refs, o.row.Cloud.Ref)
		}
	}
	flags, err := w.cloud.Flags(ctx, from.cloud, refs)
	if err != nil {
		return err
	}
	for _, o := range origins {
		has, there := flags[o.row.Cloud.Ref]
		o.here = there && o.row.Cloud.Validity == state.Validity
		if !o.here || !isOurs(o.row) {
			continue
		}
		if want, err := w.wanted(ctx, from, o.row); err != nil {
			return err
		} else if has.Equal(want) {
			o.row.CloudFlags = has // they may have been written without anybody noting it
		}
	}
	return nil
}

// cloudFolder fills in the cloud side of a pair whose legacy folder is no longer there.
func (w *worker) cloudFolder(ctx context.Context, from *pair) error {
	if from.cloud.Name != "" || len(from.cloud.Path) > 0 {
		return nil
	}
	folders, err := w.cloud.Folders(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(folders, func(f cutover.Folder) bool { return f.Path.Key() == from.Cloud.Key() && !f.NoSelect })
	if i < 0 {
		return ErrGone
	}
	from.cloud = folders[i]
	return nil
}

func byOrigin(moves []move) map[*pair][]*move {
	all := map[*pair][]*move{}
	for i := range moves {
		all[moves[i].from] = append(all[moves[i].from], &moves[i])
	}
	return all
}

func refsOf(moves []*move) []cutover.Ref {
	refs := make([]cutover.Ref, 0, len(moves))
	for _, m := range moves {
		refs = append(refs, m.row.Cloud.Ref)
	}
	return refs
}

// carryMoves moves the copies, and returns the rows that are done with, the old ones first, and those that have to be put after all.
func (s *stretch) carryMoves(ctx context.Context, moves []move) (rows, left []ledger.Item, err error) {
	var astray, saved []*move
	for i, m := range moves {
		switch {
		case isSaved(m.row):
			saved = append(saved, &moves[i])
		case !m.here && isCaptured(m.row):
			rows = append(rows, m.ended(), m.lost())
		case !m.here:
			astray = append(astray, &moves[i])
		}
	}
	// Before anything is moved into the folder, which is not theirs.
	found, left, err := s.found(ctx, astray)
	if err != nil {
		return nil, nil, err
	}
	refused, err := s.stillRefused(ctx, saved)
	if err != nil {
		return nil, nil, err
	}
	rows = append(append(rows, found...), refused...)
	for from, of := range byOrigin(moves) {
		if err := s.w.readAgain(ctx, from); err != nil {
			return nil, nil, err
		}
		var carried []*move
		for _, m := range of {
			switch {
			case !m.here:
			case from.Cloud.Key() == s.p.Cloud.Key():
				rows = append(rows, m.ended(), m.begun(m.row.Cloud))
			default:
				carried = append(carried, m)
			}
		}
		if len(carried) == 0 {
			continue
		}
		done, put, err := s.moveCopies(ctx, from, carried)
		if err != nil {
			return nil, nil, err
		}
		rows, left = append(rows, done...), append(left, put...)
	}
	return rows, left, nil
}

// found are the rows of moves whose copies are not where they were put. Such a copy may lie in this folder already: the user moved it just so, or we did, and the ledger is an older one.
// What was purged from the Trash, and taken out of the bin since, has to be put.
func (s *stretch) found(ctx context.Context, astray []*move) (rows, purged []ledger.Item, err error) {
	if len(astray) == 0 {
		return nil, nil, nil
	}
	sought := newRows(astray)
	for i, m := range astray {
		sought[i].Note = m.row.Note
	}
	here, _, err := s.adopted(ctx, sought)
	if err != nil {
		return nil, nil, err
	}
	places := map[ledger.Place]ledger.Place{}
	for _, row := range here {
		places[row.Legacy] = row.Cloud
	}
	s.p.index = nil
	for _, m := range astray {
		if at, lies := places[m.now.Legacy]; lies {
			rows = append(rows, m.ended(), m.begun(at))
			continue
		}
		kept := true
		if m.from.isBin() {
			if kept, err = s.w.anywhere(ctx, m.now); err != nil {
				return nil, nil, err
			}
		}
		if rows = append(rows, m.ended()); kept {
			rows = append(rows, m.lost())
		} else {
			purged = append(purged, m.now)
		}
	}
	return rows, purged, nil
}

// stillRefused are the rows of moves of what the cloud refused: it is kept as a file once. Somebody may have put it into this folder by hand.
func (s *stretch) stillRefused(ctx context.Context, moves []*move) (rows []ledger.Item, err error) {
	if len(moves) == 0 {
		return nil, nil
	}
	adopted, _, err := s.adopted(ctx, newRows(moves))
	if err != nil {
		return nil, err
	}
	s.p.index = nil
	for _, m := range moves {
		rows = append(rows, m.ended())
		if !slices.ContainsFunc(adopted, func(row ledger.Item) bool { return row.Legacy == m.now.Legacy }) {
			row := m.begun(ledger.Place{})
			row.Note = m.row.Note
			rows = append(rows, row)
		}
	}
	return append(rows, adopted...), nil
}

// readAgain makes a folder that is no longer on the old side begin anew should it come back: what it held then is news, although its references may be the same.
func (w *worker) readAgain(ctx context.Context, from *pair) error {
	if from.listed() {
		return nil
	}
	cursor, err := w.b.cfg.Ledger.Cursor(ctx, from.ID)
	if err != nil || cursor == "" {
		return err
	}
	return w.b.cfg.Ledger.Reset(ctx, from.ID)
}

// ended is the old row: it has no copy any more. One that is marked gets one when the mark is taken away.
func (m *move) ended() ledger.Item {
	row := m.row
	row.Disposition, row.Cloud, row.CloudFlags, row.Capture, row.Note = cutover.Gone, ledger.Place{}, nil, "", "moved on the old side"
	if m.marked {
		row.Disposition, row.Note = cutover.Skipped, "marked as deleted, after it was moved on the old side"
	}
	return row
}

// begun is the new row, with the copy that the old one had, and what was noted of it.
func (m *move) begun(at ledger.Place) ledger.Item {
	row := m.now
	row.Capture = m.row.Capture
	row.Disposition, row.Cloud, row.CloudFlags, row.Digest, row.Size, row.Note = m.row.Disposition, at, m.row.CloudFlags, m.row.Digest, m.row.Size, withoutLeft(m.row.Note)
	row.CloudVersion = m.row.CloudVersion
	row.Version = "" // whether the copy says what the item says now is not known before it is read
	return row
}

// lost is the new row of an item whose copy is as the user left it, or as its delivery brought it, wherever that is.
func (m *move) lost() ledger.Item {
	row := m.begun(ledger.Place{})
	switch {
	case isCaptured(row):
	case repairsOf(row) == 0:
		row.Note = leftNote
	default:
		row.Note += "; " + leftNote
	}
	return row
}

const leftNote = "its copy was moved or removed in the cloud"

func withoutLeft(note string) string {
	return strings.TrimSuffix(strings.TrimSuffix(note, leftNote), "; ")
}

// moveCopies moves copies from one cloud folder into this one.
func (s *stretch) moveCopies(ctx context.Context, from *pair, moves []*move) (done, put []ledger.Item, err error) {
	mover, can := s.w.cloud.(Mover)
	if !can {
		done, put = unmoved(moves)
		return done, put, nil
	}
	state, err := s.w.cloudState(ctx, s.p)
	if err != nil {
		return nil, nil, err
	}
	marked := newRows(moves)
	for i, m := range moves {
		marked[i].Note, marked[i].CloudFlags, marked[i].Capture = m.note(), m.row.CloudFlags, m.row.Capture
	}
	intended, err := s.w.intend(ctx, s.p, marked, state)
	if err != nil {
		return nil, nil, err
	}
	places, err := mover.Move(ctx, from.cloud, refsOf(moves), s.p.cloud)
	if errors.Is(err, ErrUnsupported) {
		done, put = unmoved(moves)
		return done, put, s.w.b.cfg.Ledger.Forget(ctx, ids(intended))
	} else if err != nil {
		return nil, nil, fmt.Errorf("moving copies from %s: %w", from.Cloud, err)
	}
	for i, m := range moves {
		m.now = intended[i]
		place, moved := places[m.row.Cloud.Ref]
		switch {
		case !moved, place.Ref == "" && isCaptured(m.row): // somebody was quicker: it is as the user left it; or nobody is told where it lies, and need not know
			done = append(done, m.ended(), m.lost())
		case place.Ref == "":
			s.laid = append(s.laid, m.now) // the new row stays Intended, and the old one as it is, until the tail tells where it lies
		default:
			done = append(done, m.ended(), m.begun(place))
		}
	}
	return done, nil, nil
}

// unmoved are the rows of moves whose copies the server cannot move: what we put is put once more, where it is now.
func unmoved(moves []*move) (done, put []ledger.Item) {
	for _, m := range moves {
		if isCaptured(m.row) {
			done = append(done, m.ended(), m.lost())
		} else {
			put = append(put, m.now)
		}
	}
	return done, put
}

// movedFrom begins the note of a row whose copy is being moved, so that the old row is ended too when a crash comes in between; the old row's note follows.
const movedFrom = "moved from item %d"

// fromMarked stands in it behind the item when that is marked as deleted.
const fromMarked = ", marked as deleted"

// note is that of the row while its copy is being moved.
func (m *move) note() string {
	text := fmt.Sprintf(movedFrom, m.row.ID)
	if m.marked {
		text += fromMarked
	}
	return text + "; " + m.row.Note
}

// moving reports whether a copy is being moved for the row, rather than put.
func moving(row ledger.Item) bool {
	var id ledger.ItemID
	n, _ := fmt.Sscanf(row.Note, movedFrom, &id)
	return n == 1
}

// endOrigins returns the old rows, ended, of rows that were found where a copy was being moved to.
func (w *worker) endOrigins(ctx context.Context, found []ledger.Item) ([]ledger.Item, error) {
	var ended []ledger.Item
	for i, row := range found {
		var id ledger.ItemID
		if n, _ := fmt.Sscanf(row.Note, movedFrom, &id); n != 1 {
			continue
		}
		text, note, _ := strings.Cut(row.Note, "; ")
		if found[i].Note = note; row.Capture != "" {
			found[i].Disposition = cutover.Captured
		}
		alike, err := w.alike(ctx, []ledger.Item{row})
		if err != nil {
			return nil, err
		}
		for _, old := range alike {
			if old.ID == id {
				ended = append(ended, (&move{&origin{row: old, marked: strings.HasSuffix(text, fromMarked)}, row}).ended())
			}
		}
	}
	return ended, nil
}

func newRows(moves []*move) []ledger.Item {
	rows := make([]ledger.Item, len(moves))
	for i, m := range moves {
		rows[i] = m.now
	}
	return rows
}

// followMovedFlags carries over what changed together with the place. Rows hold the flags as of now.
func (s *stretch) followMovedFlags(ctx context.Context, moves []move) error {
	refs := make([]cutover.Ref, len(moves))
	for i, m := range moves {
		refs[i] = m.now.Legacy.Ref
	}
	rows, err := s.w.b.cfg.Ledger.Known(ctx, s.p.ID, moves[0].now.Legacy.Validity, refs)
	if err != nil {
		return err
	}
	var changed []flagChange
	for _, m := range moves {
		c := flagChange{was: m.row.Flags, row: rows[m.now.Legacy.Ref]}
		if even, err := s.w.even(ctx, s.p, c); err != nil {
			return err
		} else if !even {
			changed = append(changed, c)
		}
	}
	_, err = s.w.writeFlags(ctx, s.p, changed)
	return err
}
