package bridge

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"posthouse/bridge/repair"
	"posthouse/cutover"
	"posthouse/ledger"
)

// What is changed on the old side is written over its copy, as long as the copy is as we left it. A copy that somebody changed, or removed, stays as it is: the old side's version is saved as a file, and
// the item named. The copy's version tells; the server compares it in the same moment in which it writes (If-Match). What is about to be written is durable before it is, by what it says: a version that
// we did not note, because its reply was lost, is told by that.

// revision is a row, and what it is to become: with another version, or place.
type revision struct{ was, row ledger.Item }

// edited are the rows in the cloud whose items have another version now.
func edited(b Batch, known map[cutover.Ref]ledger.Item) (all []revision) {
	for _, c := range b.Changes {
		was, have := known[c.Item.Ref]
		if have && c.Kind != Removed && isOurs(was) && was.Version != c.Item.Version {
			row := was
			row.Version = c.Item.Version
			all = append(all, revision{was, row})
		}
	}
	return all
}

// edit is an item on its way over its copy.
type edit struct {
	revision
	content Content
	made    repair.Repair
	outcome error
}

// editsAtOnce bounds the bodies that are held.
const editsAtOnce = 50

func (s *stretch) followEdits(ctx context.Context, all []revision) error {
	if len(all) == 0 {
		return nil
	}
	if err := s.drain(); err != nil {
		return err
	}
	for part := range slices.Chunk(all, editsAtOnce) {
		if err := s.w.replace(ctx, s.p, part); err != nil {
			return fmt.Errorf("following changes: %w", err)
		}
	}
	return nil
}

// replace writes the rows' items over their copies, and keeps the rows.
func (w *worker) replace(ctx context.Context, p *pair, all []revision) (err error) {
	edits, same, others, err := w.readEdits(ctx, p, all)
	defer func() {
		for _, e := range edits {
			e.content.Close()
		}
	}()
	if err != nil {
		return err
	}
	if err := w.keepRows(ctx, p, same); err != nil {
		return err
	}
	if err := w.putEdits(ctx, p, edits); err != nil {
		return err
	}
	var errs []error
	for _, e := range edits {
		errs = append(errs, w.settleEdit(ctx, p, e))
	}
	if err := errors.Join(errs...); err != nil || !others {
		return err
	}
	return errLookAgain
}

// readEdits reads what the items are now. Those that are gone again are left out; of those that are the same the rows are returned. others: there were others in their places, which nobody has asked about yet.
func (w *worker) readEdits(ctx context.Context, p *pair, all []revision) (edits []*edit, same []ledger.Item, others bool, err error) {
	by, refs := map[cutover.Ref]revision{}, []cutover.Ref{}
	for _, r := range all {
		by[r.row.Legacy.Ref] = r
		refs = append(refs, r.row.Legacy.Ref)
	}
	used := func(r revision) { // the item is another one by now, or none; that it was changed is told all the same
		if r.row.News != nil {
			r.was.News = r.row.News
			same = append(same, r.was)
		}
	}
	err = w.legacy.Fetch(ctx, p.legacy, refs, func(got Fetched) error {
		if errors.Is(got.Err, ErrGone) {
			used(by[got.Ref])
			return nil
		}
		r := by[got.Ref]
		row := r.row
		if got.Err != nil {
			row, err := w.unreadEdit(row, got.Err)
			same = append(same, row)
			return err
		}
		delete(w.unread, row.Legacy)
		d, err := digest(p.Kind, got.Content)
		if err != nil {
			got.Content.Close()
			return err
		}
		if d.Digest() == row.Digest {
			same = append(same, row)
			return got.Content.Close()
		}
		if d.Identity().Match() != row.Identity.Match() { // another item has its place by now, or was not read when it was told of
			used(r)
			others = true
			return got.Content.Close()
		}
		row.Digest, row.Size = d.Digest(), d.Size()
		edits = append(edits, &edit{revision: revision{r.was, row}, content: got.Content, made: repairsOf(row)})
		return nil
	})
	return edits, same, others, err
}

// unreadEdit is the row of an item that cannot be read since it was changed. It is tried for a while, as every item, before its copy stays as it is.
func (w *worker) unreadEdit(row ledger.Item, why error) (ledger.Item, error) {
	if w.mayBeRead(row.Legacy) {
		return row, fmt.Errorf("reading %s: %w", row.Legacy.Ref, why)
	}
	delete(w.unread, row.Legacy)
	row.Note = unreadNote + ": " + why.Error()
	return row, nil
}

// putEdits tries all at once, with the repairs that their copies have had.
func (w *worker) putEdits(ctx context.Context, p *pair, edits []*edit) error {
	items := make([]PutItem, len(edits))
	for i, e := range edits {
		content, _, err := repairedContent(p.Kind, e.content, e.made)
		if err != nil {
			return err
		}
		items[i] = PutItem{ID: i, Content: content, At: e.row.Cloud.Ref, Replace: e.row.CloudVersion}
		e.outcome = ErrUnknown
	}
	if len(items) == 0 {
		return nil
	}
	if err := w.noteWritings(ctx, p, edits); err != nil {
		return err
	}
	return w.cloud.Put(ctx, p.cloud, slices.Values(items), func(o Outcome) {
		e := edits[o.ID]
		if e.outcome = o.Err; o.Err == nil {
			e.row.CloudVersion = o.Version
		}
	})
}

// writing begins the tail of a row whose copy is being written over: what the copies say that were, or are, on their way since its version was noted last.
const writing = "writing"

// mostWritings bounds them. More were lost in a row only if a server never answers.
const mostWritings = 8

// noteWritings makes durable what is about to be written. The rows are otherwise as they were: what happens to the items is met again.
func (w *worker) noteWritings(ctx context.Context, p *pair, edits []*edit) error {
	rows := make([]ledger.Item, len(edits))
	for i, e := range edits {
		_, wanted, err := repairedContent(p.Kind, e.content, e.made)
		if err != nil {
			return err
		}
		e.was.Tail = noteWriting(e.was.Tail, wanted.text)
		rows[i] = e.was
	}
	return w.keepRows(ctx, p, rows)
}

// noteWriting is the tail with one more.
func noteWriting(tail string, text cutover.Digest) string {
	all := append(writings(ledger.Item{Tail: tail}), hex.EncodeToString(text[:16]))
	return strings.Join(append([]string{writing}, all[max(0, len(all)-mostWritings):]...), " ")
}

// writings are what was noted of a row's copies on their way.
func writings(row ledger.Item) []string {
	if all := strings.Fields(row.Tail); len(all) > 0 && all[0] == writing {
		return all[1:]
	}
	return nil
}

func isWriting(row ledger.Item, text cutover.Digest) bool {
	return slices.Contains(writings(row), hex.EncodeToString(text[:16]))
}

// settleEdit ends one edit by its outcome. One that failed is met again: the cursor did not move.
func (w *worker) settleEdit(ctx context.Context, p *pair, e *edit) error {
	if errors.Is(e.outcome, ErrChanged) {
		if err := w.writeAgain(ctx, p, e); err != nil {
			return err
		}
	}
	if errors.Is(e.outcome, ErrRefused) {
		if err := w.mendEdit(ctx, p, e); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(e.outcome, ErrChanged):
		return w.settleConflict(ctx, p, e)
	case errors.Is(e.outcome, ErrRefused):
		name, err := w.saveContent(p, e.row, e.content)
		if err != nil {
			return err
		}
		e.row.Note = staleNote + " (" + e.outcome.Error() + ")" + refusedAs + name
	case e.outcome != nil:
		return fmt.Errorf("writing over the copy of %s: %w", e.row.Legacy.Ref, e.outcome)
	default:
		_, wanted, err := repairedContent(p.Kind, e.content, e.made)
		if err != nil {
			return err
		}
		e.row.Tail = noteWriting("", wanted.text) // by which it is known should the server give it another version
	}
	return w.keepRows(ctx, p, []ledger.Item{e.row})
}

// writeAgain tries once more where the copy says what an earlier writing of ours says, whose reply was lost, and where it has the very version that was to be replaced: then the server was mistaken. A copy that is there
// and cannot be read is nobody's change: it is tried for a while, as every item.
func (w *worker) writeAgain(ctx context.Context, p *pair, e *edit) error {
	found, err := prints(ctx, w.cloud, p.cloud, []cutover.Ref{e.row.Cloud.Ref})
	if err != nil {
		return err
	}
	now, there := found[e.row.Cloud.Ref]
	if !there {
		return w.unreadCopy(ctx, p, e)
	}
	same := e.was.CloudVersion != "" && now.version == e.was.CloudVersion
	if !same && !isWriting(e.was, now.text) {
		return nil
	}
	e.row.CloudVersion = now.version
	content, wanted, err := repairedContent(p.Kind, e.content, e.made)
	if err != nil {
		return err
	}
	if e.outcome = nil; now.text == wanted.text {
		return nil
	}
	done, err := w.putOne(ctx, p, PutItem{ID: 1, Content: content, At: e.row.Cloud.Ref, Replace: e.row.CloudVersion})
	if e.outcome = err; err == nil {
		e.row.CloudVersion = done.Version
	}
	return nil
}

// unreadCopy is an error where the copy of an edit lies there and may be read later.
func (w *worker) unreadCopy(ctx context.Context, p *pair, e *edit) error {
	there, err := w.cloud.Flags(ctx, p.cloud, []cutover.Ref{e.row.Cloud.Ref})
	if err != nil {
		return err
	}
	if _, lies := there[e.row.Cloud.Ref]; lies && w.mayBeRead(e.row.Legacy) {
		return fmt.Errorf("reading the copy of %s: %w", e.row.Legacy.Ref, e.outcome)
	}
	delete(w.unread, e.row.Legacy)
	return nil
}

// mendEdit tries repairs, one more at a time.
func (w *worker) mendEdit(ctx context.Context, p *pair, e *edit) error {
	saved := ""
	return eachRepair(p.Kind, e.content, e.made, e.outcome, func(made repair.Repair) (err error) {
		if saved == "" {
			if saved, err = w.saveContent(p, e.row, e.content); err != nil {
				return err
			}
		}
		content, _, err := repairedContent(p.Kind, e.content, made)
		if err != nil {
			return err
		}
		e.made = made
		if err := w.noteWritings(ctx, p, []*edit{e}); err != nil {
			return err
		}
		done, err := w.putOne(ctx, p, PutItem{ID: 1, Content: content, At: e.row.Cloud.Ref, Replace: e.row.CloudVersion})
		if e.outcome = err; err == nil {
			e.row.CloudVersion, e.row.Note = done.Version, repairedNote(made, saved)+w.consequence(made, e.content)
		} else if errors.Is(err, ErrChanged) {
			return nil
		}
		return err
	})
}

// eachRepair calls try with one repair more at a time, as the last refusal asks, until there is no error, or another than a refusal, which it returns. That nothing is left to try is no error.
func eachRepair(kind cutover.FolderKind, original Content, made repair.Repair, why error, try func(repair.Repair) error) error {
	r, err := original.Open()
	if err != nil {
		return err
	}
	needed, err := repair.NeededObject(kind, r)
	r.Close()
	if errors.Is(err, repair.ErrObject) {
		return nil
	} else if err != nil {
		return err
	}
	for errors.Is(why, ErrRefused) {
		more, any := repair.Next(needed, made, errors.Is(why, ErrTooLarge), errors.Is(why, ErrSchedules))
		if !any {
			return nil
		}
		made, why = more, try(more)
	}
	return why
}

// ConflictNote begins the note of an item that was changed on both sides.
const ConflictNote = "changed on both sides: the cloud's version stands; the old server's is saved as "

// RemovedNote begins the note of one that was changed on the old side and removed in the cloud.
const RemovedNote = "changed on the old server after it was removed in the cloud; saved as "

// staleNote begins the note of an item whose last change the cloud refused.
const staleNote = "its copy is older: the cloud refused a change"

// unreadNote begins the note of an item that could not be read since it was changed.
const unreadNote = "its copy is older: the old server does not give the item that was changed"

// settleConflict leaves the copy as somebody else made it, or removed it.
func (w *worker) settleConflict(ctx context.Context, p *pair, e *edit) error {
	there, err := w.cloud.Flags(ctx, p.cloud, []cutover.Ref{e.row.Cloud.Ref})
	if err != nil {
		return err
	}
	name, err := w.saveContent(p, e.row, e.content)
	if err != nil {
		return err
	}
	e.row.Note, e.row.CloudVersion, e.row.Tail = RemovedNote+name, e.was.CloudVersion, ""
	if _, lies := there[e.row.Cloud.Ref]; lies {
		e.row.Note = ConflictNote + name
	}
	w.b.cfg.Log.WithField("mailbox", w.m.ID).WithField("folder", p.Legacy.String()).WithField("ref", e.row.Legacy.Ref).Warn(e.row.Note)
	return w.keepRows(ctx, p, []ledger.Item{e.row})
}

// climbObject puts a refused object with one repair more at a time, unless it lies in the cloud already.
func (w *worker) climbObject(ctx context.Context, p *pair, r refusal, original Content, saved string) (ledger.Item, error) {
	done := refused(r.row, r.why, saved)
	var tried repair.Repair
	var last error
	err := eachRepair(p.Kind, original, 0, r.why, func(made repair.Repair) error {
		tried = made
		row := r.row
		row.Note = repairedNote(made, saved) + w.consequence(made, original)
		row, err := w.putRepaired(ctx, p, row, original, made)
		if err == nil {
			done = row
		}
		last = err
		return err
	})
	if err != nil {
		return r.row, fmt.Errorf("putting the repaired item %s: %w", r.row.Legacy.Ref, err)
	}
	if done.Disposition == cutover.Refused && tried != 0 {
		done.Note += "; refused all the same with these repaired: " + tried.String() + "; the cloud said then: " + last.Error()
	}
	return done, nil
}
