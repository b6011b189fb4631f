package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// What is deleted on the old side stays in the cloud, unless Rules.Deletions lets events and contacts follow. News of a deletion wake, the state decides: when all else is settled, the rows that have a copy
// of ours are held against what their folder holds. What is missing for the first time has all folders looked at once more, as it may have been moved. What is missing still, and cannot be read there either, has
// its copy deleted: if we put it, if it is as we left it, if no attendee would be told, and only after it was saved as a file.
//
// A folder that lost everything, or more in a day than the rule lets follow, looks like a broken server, or login: nothing follows there until somebody raises the limit, or the items are back.

// HeldBack are deletions in a folder on the old side that do not follow, though deletions do.
type HeldBack struct {
	Folder string
	Items  int
	Why    string
}

// deletions is what is known of a folder's.
type deletions struct {
	looked  bool                   // since the last news of the folder
	missing map[ledger.ItemID]bool // at that look
	held    *HeldBack
}

// followDeletions is called when nothing is pending in any folder. again: all are to be looked at once more before anything is deleted.
func (w *worker) followDeletions(ctx context.Context) (again bool, err error) {
	able, can := w.cloud.(Deleter)
	if !can || w.rules.Deletions == 0 {
		return false, nil
	}
	var errs []error
	for _, p := range w.pairs {
		if d := &p.deletions; !p.Kind.Objects() || d.looked && d.missing == nil {
			continue
		}
		more, err := w.deleteMissing(ctx, able, p)
		if err = wrap(err, "following deletions in %s %s", w.m.ID, p.Legacy); wholeMailbox(ctx, err) {
			return false, err
		}
		again, errs = again || more, append(errs, err)
	}
	w.status.heldBack(w.pairs)
	return again, errors.Join(errs...)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// deleteMissing deletes the copies of what was missing at the last look and still is, unless there is more to it.
func (w *worker) deleteMissing(ctx context.Context, able Deleter, p *pair) (again bool, err error) {
	left, missing, err := w.missing(ctx, p)
	if err == nil {
		missing, err = w.withCopies(ctx, p, missing)
	}
	if err != nil {
		return false, err
	}
	d := &p.deletions
	before, was := d.missing, d.held
	d.looked, d.missing, d.held = true, nil, nil
	if len(missing) == 0 {
		return false, nil
	}
	d.missing = map[ledger.ItemID]bool{}
	for _, row := range missing {
		d.missing[row.ID] = true
		again = again || !before[row.ID]
	}
	recent, err := w.recentDeletions(ctx, p)
	if err != nil {
		return false, err
	}
	if why := w.rules.holdsBack(left, len(missing), len(recent)); why != "" {
		if d.held = (&HeldBack{p.Legacy.String(), len(missing), why}); was == nil || *was != *d.held {
			w.b.cfg.Log.WithField("mailbox", w.m.ID).WithField("folder", d.held.Folder).Warnf("%d items are gone there, and their copies stay: %s", d.held.Items, why)
		}
		return false, nil
	}
	if again {
		return true, nil
	}
	d.missing = nil
	return false, w.deleteCopies(ctx, able, p, missing, recent)
}

// holdsBack is why so many items that are missing at once, where so many are left, do not follow.
func (r Rules) holdsBack(left, missing, recent int) string {
	switch {
	case left == 0:
		return "nothing of what was copied is left"
	case missing+recent > r.Deletions:
		return fmt.Sprintf("%d within a day are more than the %d that may follow", missing+recent, r.Deletions)
	}
	return ""
}

// missing are those of a folder's rows with a copy of ours whose items are not there; left are there. Those that are back lose their note.
func (w *worker) missing(ctx context.Context, p *pair) (left int, missing []ledger.Item, err error) {
	var rows, back []ledger.Item
	err = w.b.cfg.Ledger.All(ctx, p.ID, func(row ledger.Item) bool {
		if isOurs(row) {
			rows = append(rows, row)
		}
		return true
	})
	if err != nil {
		return 0, nil, err
	}
	now, err := w.presences(ctx, p, rows)
	if err != nil {
		return 0, nil, err
	}
	for _, row := range rows {
		note, _, stays := strings.Cut(row.Note, StaysNote)
		if now[row.ID] == away {
			if !stays {
				missing = append(missing, row)
			}
			continue
		}
		if left++; stays {
			row.Note = strings.TrimSuffix(note, "; ")
			back = append(back, row)
		}
	}
	return left, missing, w.keepRows(ctx, p, back)
}

// withCopies are the rows whose copies are there. Somebody deleted the others on both sides: they are done.
func (w *worker) withCopies(ctx context.Context, p *pair, rows []ledger.Item) (lying []ledger.Item, err error) {
	refs := make([]cutover.Ref, len(rows))
	for i, row := range rows {
		refs[i] = row.Cloud.Ref
	}
	there, err := w.cloud.Flags(ctx, p.cloud, refs)
	if err != nil {
		return nil, err
	}
	var done []ledger.Item
	for _, row := range rows {
		if _, lies := there[row.Cloud.Ref]; lies {
			lying = append(lying, row)
		} else {
			done = append(done, deletedToo(row, ""))
		}
	}
	return lying, w.keepRows(ctx, p, done)
}

// recentDeletions are when copies of the folder were deleted within the last day.
func (w *worker) recentDeletions(ctx context.Context, p *pair) (recent []time.Time, err error) {
	text, err := w.b.cfg.Ledger.Fact(ctx, deletionsFact(p))
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = json.Unmarshal([]byte(text), &recent)
	since := w.b.cfg.Clock.Now().Add(-24 * time.Hour)
	return slices.DeleteFunc(recent, since.After), err
}

// noteDeletions makes them durable, before they are.
func (w *worker) noteDeletions(ctx context.Context, p *pair, recent []time.Time) error {
	text, err := json.Marshal(recent)
	if err != nil {
		return err
	}
	return w.b.cfg.Ledger.SetFact(ctx, deletionsFact(p), string(text))
}

func deletionsFact(p *pair) string { return fmt.Sprintf("deletions/%d", p.ID) }

// heldBack takes over what was held in all folders.
func (s *progress) heldBack(pairs []*pair) {
	var all []HeldBack
	for _, p := range pairs {
		if p.deletions.held != nil {
			all = append(all, *p.deletions.held)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p.HeldBack = all
}
