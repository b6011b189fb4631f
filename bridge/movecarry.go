package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// carryMoves moves the copies, and returns the rows that are done with, the old ones first, and those that have to be put after all.
func (s *stretch) carryMoves(ctx context.Context, moves []move) (rows, left []ledger.Item, err error) {
	var astray, saved []*move
	for i, m := range moves {
		switch {
		case isSaved(m.row) && s.p.Kind.Objects(): // it may have been changed, or be alone with its UID now
			rows, left = append(rows, m.ended()), append(left, m.now)
		case isSaved(m.row):
			saved = append(saved, &moves[i])
		case !m.here && isCaptured(m.row):
			rows = append(rows, m.ended(), m.lost())
		case !m.here:
			astray = append(astray, &moves[i])
		}
	}
	// Before anything is moved into the folder, which is not theirs.
	found, purged, err := s.found(ctx, astray)
	if err != nil {
		return nil, nil, err
	}
	left = append(left, purged...)
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
		if s.p.Kind.Objects() { // should nobody hear of the move: what the copy says is what the old row's item said
			marked[i].Version, marked[i].CloudVersion, marked[i].Tail = "", m.row.CloudVersion, m.row.Tail
			marked[i].Digest, marked[i].Size = m.row.Digest, m.row.Size
		}
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
