package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge/object"
	"posthouse/cutover"
	"posthouse/ledger"
)

// StaysNote is in the note of an item that was deleted on the old side, and whose copy does not follow.
const StaysNote = "deleted on the old server; its copy stays: "

// deletedNote begins the note of one whose copy followed.
const deletedNote = "deleted on the old server, and so was its copy"

// doomed is a row whose copy is to be deleted, and the file that it was saved as.
type doomed struct {
	row   ledger.Item
	saved string
}

// deleteCopies deletes the copies of rows, or says why they stay. recent are the deletions of the last day.
func (w *worker) deleteCopies(ctx context.Context, able Deleter, p *pair, rows []ledger.Item, recent []time.Time) error {
	gone, err := w.surelyGone(ctx, p, rows)
	if err != nil {
		return err
	}
	all, done, err := w.judgeCopies(ctx, p, gone)
	if err != nil {
		return err
	}
	versions := map[cutover.Ref]string{}
	for _, d := range all {
		versions[d.row.Cloud.Ref] = d.row.CloudVersion
		recent = append(recent, w.b.cfg.Clock.Now())
	}
	if err := w.noteDeletions(ctx, p, recent); err != nil {
		return err
	}
	outcomes, failed := able.Delete(ctx, p.cloud, versions)
	for _, d := range all {
		switch err, told := outcomes[d.row.Cloud.Ref]; {
		case !told:
		case err == nil:
			done = append(done, deletedToo(d.row, refusedAs+d.saved))
		case errors.Is(err, ErrChanged):
			done = append(done, staying(d.row, changedInCloud))
		case errors.Is(err, ErrRefused):
			done = append(done, staying(d.row, "the cloud says: "+err.Error()))
		default:
			failed = errors.Join(failed, err)
		}
	}
	for _, row := range done {
		level := logrus.InfoLevel
		if row.Disposition != cutover.Gone {
			level = logrus.WarnLevel
		}
		w.b.cfg.Log.WithField("mailbox", w.m.ID).WithField("folder", p.Legacy.String()).WithField("ref", row.Legacy.Ref).Log(level, row.Note)
	}
	return errors.Join(failed, w.keepRows(ctx, p, done))
}

// deletedToo is the row of an item that lies on neither side any more.
func deletedToo(row ledger.Item, saved string) ledger.Item {
	row.Disposition, row.Cloud, row.CloudVersion, row.Tail, row.Note = cutover.Gone, ledger.Place{}, "", "", deletedNote+saved
	return row
}

// staying is the row of one whose copy does not follow.
func staying(row ledger.Item, why string) ledger.Item {
	if row.Note != "" {
		row.Note += "; "
	}
	row.Note += StaysNote + why
	return row
}

const changedInCloud = "it was changed in the cloud"

// surelyGone are the rows whose items the old server says are gone when it is asked for them, or where it has another item by now.
func (w *worker) surelyGone(ctx context.Context, p *pair, rows []ledger.Item) (gone []ledger.Item, err error) {
	by, refs := map[cutover.Ref][]ledger.Item{}, []cutover.Ref{}
	for _, row := range rows {
		if by[row.Legacy.Ref] == nil {
			refs = append(refs, row.Legacy.Ref)
		}
		by[row.Legacy.Ref] = append(by[row.Legacy.Ref], row)
	}
	if len(refs) == 0 {
		return nil, nil
	}
	err = w.legacy.Fetch(ctx, p.legacy, refs, func(got Fetched) error {
		of, err := w.othersThan(p.Kind, got, by[got.Ref])
		gone = append(gone, of...)
		return err
	})
	return gone, err
}

// othersThan are those of the rows of one reference that are not of the item that is there. Of what cannot be read there are none.
func (w *worker) othersThan(kind cutover.FolderKind, got Fetched, rows []ledger.Item) ([]ledger.Item, error) {
	if errors.Is(got.Err, ErrGone) {
		return rows, nil
	} else if got.Err != nil {
		return nil, nil
	}
	defer got.Content.Close()
	d, err := digest(kind, got.Content)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(row ledger.Item) bool {
		return row.Identity.Match() == d.Identity().Match()
	}), nil
}

// judgeCopies reads the rows' copies. Those that are to be deleted are on stable storage then; the rows of the others are done.
func (w *worker) judgeCopies(ctx context.Context, p *pair, rows []ledger.Item) (all []doomed, done []ledger.Item, err error) {
	by, refs := map[cutover.Ref]ledger.Item{}, []cutover.Ref{}
	for _, row := range rows {
		by[row.Cloud.Ref] = row
		refs = append(refs, row.Cloud.Ref)
	}
	err = w.cloud.Fetch(ctx, p.cloud, refs, func(got Fetched) error {
		row := by[got.Ref]
		if errors.Is(got.Err, ErrGone) {
			done = append(done, deletedToo(row, ""))
			return nil
		} else if got.Err != nil {
			return fmt.Errorf("reading the copy %s: %w", got.Ref, got.Err)
		}
		defer got.Content.Close()
		why, err := w.spares(p, row, got)
		if err != nil {
			return err
		} else if why != "" {
			done = append(done, staying(row, why))
			return nil
		}
		as := row
		as.Legacy.Ref += " (its copy)" // beside what was saved of the item
		name, err := w.saveContent(p, as, got.Content)
		row.CloudVersion = got.Version
		all = append(all, doomed{row, name})
		return err
	})
	return all, done, err
}

// spares is why a copy is not deleted; empty if it may be.
func (w *worker) spares(p *pair, row ledger.Item, got Fetched) (why string, err error) {
	r, err := got.Content.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	d := cutover.NewObjectDigester(p.Kind)
	_, _ = d.Write(raw) // it never fails
	switch {
	case row.Disposition != cutover.Copied:
		return "it was in the cloud before", nil
	case got.Version != row.CloudVersion && !isWriting(row, d.Text()):
		return changedInCloud, nil
	case p.Kind == cutover.Calendar && mayCancel(raw, w.m):
		return "attendees would be told that it is cancelled", nil
	}
	return "", nil
}

// mayCancel reports whether a server may cancel a meeting when its owner deletes it: there are attendees, and he is not known to be merely one of them. His own reply can be forbidden (RFC 6638 §8.1), a
// cancellation cannot.
func mayCancel(raw []byte, owner cutover.Mailbox) bool {
	own := map[string]bool{strings.ToLower(string(owner.ID)): true, string(owner.Primary.Fold()): true}
	for _, a := range owner.Aliases {
		own[string(a.Fold())] = true
	}
	organises, attends, others := false, false, false
	organisers, attendees := people(raw)
	for who := range organisers {
		organises = organises || own[who]
	}
	for who := range attendees {
		attends, others = attends || own[who], others || !own[who] && !organisers[who]
	}
	return others && (organises || !attends)
}

// people are the addresses of an event's organisers and attendees.
func people(raw []byte) (organisers, attendees map[string]bool) {
	organisers, attendees = map[string]bool{}, map[string]bool{}
	for _, l := range object.Lines(raw) {
		who := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(l.Value())), "mailto:")
		switch l.Name() {
		case "ORGANIZER":
			organisers[who] = true
		case "ATTENDEE":
			attendees[who] = true
		}
	}
	return organisers, attendees
}
