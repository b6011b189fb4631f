package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if err == nil {
		origins, err = s.w.withoutMerged(ctx, origins)
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
	read, err := w.printed(ctx, p, asked, false)
	if err != nil {
		return nil, nil, fmt.Errorf("reading what may have been moved: %w", err)
	}
	// A row has the size that was listed, which is a guess of some servers, or the one that was read.
	sized := func(row, now ledger.Item) bool { return row.Size == now.Size || row.Size == read[now.Legacy].size }
	// Servers keep the date of what is moved; true duplicates differ in it, or in nothing but their flags. Where the key has no Message-ID, messages of one kind may agree in all that but their length.
	same := func(o *origin, now ledger.Item) bool {
		if p.Kind.Objects() {
			return true // its UID is the key; whether it changed as well is seen to afterwards
		}
		if id, traced := now.Identity.Trace.Verify(w.b.cfg.TraceKey); traced && isCaptured(o.row) != (id == o.row.Capture) {
			return false
		}
		if now.Identity.Key.IsZero() && !sized(o.row, now) {
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

const leftNote = "its copy was moved or removed in the cloud"

// movedFrom begins the note of a row whose copy is being moved, so that the old row is ended too when a crash comes in between; the old row's note follows.
const movedFrom = "moved from item %d"

// fromMarked stands in it behind the item when that is marked as deleted.
const fromMarked = ", marked as deleted"
