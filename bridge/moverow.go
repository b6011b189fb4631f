package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

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
	if len(writings(m.row))+len(writings(row)) > 0 { // an event or contact: what the copy says is what it said
		row.Tail = m.row.Tail
	}
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

func withoutLeft(note string) string {
	return strings.TrimSuffix(strings.TrimSuffix(note, leftNote), "; ")
}

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
		if !moving(row) {
			continue
		}
		text, note, _ := strings.Cut(row.Note, "; ")
		if found[i].Note = note; row.Capture != "" {
			found[i].Disposition = cutover.Captured
		}
		old, is, err := w.originOf(ctx, row)
		if err != nil {
			return nil, err
		}
		if is {
			ended = append(ended, (&move{&origin{row: old, marked: strings.HasSuffix(text, fromMarked)}, row}).ended())
		}
	}
	return ended, nil
}

// originOf is the old row of one for which a copy is being moved.
func (w *worker) originOf(ctx context.Context, row ledger.Item) (old ledger.Item, is bool, err error) {
	var id ledger.ItemID
	if n, _ := fmt.Sscanf(row.Note, movedFrom, &id); n != 1 {
		return old, false, nil
	}
	alike, err := w.alike(ctx, []ledger.Item{row})
	i := slices.IndexFunc(alike, func(old ledger.Item) bool { return old.ID == id })
	if err != nil || i < 0 {
		return old, false, err
	}
	return alike[i], true, nil
}

// left reports whether the copy that is being moved for a row lies no longer where it was: the cloud has moved it, though its reply was lost.
func (w *worker) left(ctx context.Context, row ledger.Item) (bool, error) {
	old, is, err := w.originOf(ctx, row)
	if err != nil || !is || isCaptured(old) {
		return false, err
	}
	from, err := w.pairOf(ctx, old.Folder)
	if err != nil {
		return false, err
	}
	o := &origin{from: from, row: old}
	err = w.lookForCopies(ctx, []*origin{o})
	return err == nil && !o.here, err
}

func newRows(moves []*move) []ledger.Item {
	rows := make([]ledger.Item, len(moves))
	for i, m := range moves {
		rows[i] = m.now
	}
	return rows
}
