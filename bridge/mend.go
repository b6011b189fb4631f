package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"posthouse/bridge/repair"
	"posthouse/cutover"
	"posthouse/ledger"
)

// refusal is an item that the cloud refused as it is. Its row is Intended.
type refusal struct {
	row ledger.Item
	why error
}

// mend puts refused items once more, with the least repair that the cloud takes them with; those that it takes with none are Refused. It uses the cloud for itself: no belt may run.
func (w *worker) mend(ctx context.Context, p *pair, all []refusal) error {
	var errs []error
	for i, r := range all {
		err := w.mendOne(ctx, p, r)
		errs = append(errs, err)
		if wholeMailbox(ctx, err) {
			errs = append(errs, w.forget(ctx, all[i+1:]))
			break
		}
	}
	return errors.Join(errs...)
}

// forget gives up items that were surely not put: they are met again.
func (w *worker) forget(ctx context.Context, all []refusal) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([]ledger.Item, len(all))
	for i, r := range all {
		rows[i] = r.row
	}
	return w.b.cfg.Ledger.Forget(context.WithoutCancel(ctx), ids(rows))
}

// mendOne disposes of one item. When it fails, the row is forgotten unless the item may have been put.
func (w *worker) mendOne(ctx context.Context, p *pair, r refusal) error {
	row, err := w.climb(ctx, p, r)
	if err == nil {
		p.leaveOf([]ledger.Item{row})
		return w.keep(ctx, p, []ledger.Item{row}, nil, nil)
	}
	if errors.Is(err, ErrUnknown) {
		return err
	}
	return errors.Join(err, w.forget(ctx, []refusal{r}))
}

// savedAs stands between the repairs and the name of the file in the note of a repaired item.
const savedAs = "; the original is saved as "

// climb saves the original and tries repair after repair, one more at a time. It returns the row disposed of.
func (w *worker) climb(ctx context.Context, p *pair, r refusal) (ledger.Item, error) {
	original, err := w.reread(ctx, p, r.row)
	if err != nil {
		return r.row, err
	}
	defer original.Close()
	saved, err := w.saveContent(p, r.row, original)
	if err != nil {
		return r.row, err
	}
	if p.Kind.Objects() {
		return w.climbObject(ctx, p, r, original, saved)
	}
	steps, err := ladder(original)
	if err != nil {
		return r.row, fmt.Errorf("looking at the refused item %s: %w", r.row.Legacy.Ref, err)
	}
	var tried repair.Repair
	for _, step := range steps {
		row := r.row
		row.Note = repairedNote(step, saved)
		if asks(r.row) {
			row.Note += "; " + asksForReceipt
		}
		row, err := w.putRepaired(ctx, p, row, original, step)
		if err == nil {
			return row, nil
		}
		if !errors.Is(err, ErrRefused) {
			return r.row, fmt.Errorf("putting the repaired item %s: %w", row.Legacy.Ref, err)
		}
		tried = step
		if errors.Is(err, ErrTooLarge) {
			break
		}
	}
	row := refused(r.row, r.why, saved)
	if tried != 0 {
		row.Note += "; refused all the same with these repaired: " + tried.String()
	}
	return row, nil
}

func repairedNote(made repair.Repair, saved string) string {
	return ledger.RepairedNote + made.String() + savedAs + saved
}

// ladder is what may help, step by step. A header too long to be looked at is not repaired.
func ladder(c Content) ([]repair.Repair, error) {
	message, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer message.Close()
	needed, err := repair.Needed(message)
	if errors.Is(err, repair.ErrHeader) {
		return nil, nil
	}
	return repair.Ladder(needed), err
}

// putRepaired puts one repaired item, unless it lies in the cloud already: from an attempt whose reply was lost, or whose row was. The repair is recorded before the put, and the row
// stays Intended: recover keeps its note.
func (w *worker) putRepaired(ctx context.Context, p *pair, row ledger.Item, original Content, step repair.Repair) (ledger.Item, error) {
	content, d, err := repairedContent(p.Kind, original, step)
	if err != nil {
		return row, err
	}
	if p.Kind.Objects() {
		row.Tail = noteWriting(row.Tail, d.text)
	}
	if _, err := w.b.cfg.Ledger.Settle(ctx, p.ID, []ledger.Item{row}, nil); err != nil {
		return row, fmt.Errorf("recording the repair: %w", err)
	}
	if found, there, err := w.findRepaired(ctx, p, row, d); err != nil || there {
		return found, err
	}
	done, err := w.putOne(ctx, p, PutItem{ID: 1, Flags: given(row.Flags), Date: row.Date, Content: content})
	if err != nil {
		return row, err
	}
	if done.Place.Ref != "" {
		row.Disposition, row.CloudFlags, row.Cloud, row.CloudVersion = cutover.Copied, without(given(row.Flags), done.Left), done.Place, done.Version
		return row, nil
	}
	found, there, err := w.findRepaired(ctx, p, row, d) // the server does not tell where it put it
	if err == nil && !there {
		found, there, err = w.sharedCopy(ctx, p, row)
	}
	if err != nil || !there {
		return row, errors.Join(ErrUnknown, err)
	}
	return found, nil
}

// findRepaired looks for the repaired copy, which may have another identity than the original: it has what servers read in the header now.
func (w *worker) findRepaired(ctx context.Context, p *pair, row ledger.Item, d *messageDigest) (ledger.Item, bool, error) {
	like := row
	like.Identity, like.Digest, like.Size = d.identity, d.digest, d.size
	index, state, err := w.candidates(ctx, p, []ledger.Item{like})
	if err != nil {
		return row, false, err
	}
	matches, _, err := w.adopt(ctx, p, index, []ledger.Item{like}, true)
	if err != nil || len(matches) == 0 {
		return row, false, err
	}
	rows, err := w.rowsOf(ctx, p, []match{{row: row, twin: matches[0].twin}}, state, cutover.Copied)
	if err != nil {
		return row, false, err
	}
	return rows[0], true, nil
}

// putOne puts one item. Without an outcome it may have been put.
func (w *worker) putOne(ctx context.Context, p *pair, item PutItem) (Outcome, error) {
	outcome, told := Outcome{}, false
	err := w.cloud.Put(ctx, p.cloud, slices.Values([]PutItem{item}), func(o Outcome) { outcome, told = o, true })
	if !told {
		return outcome, errors.Join(ErrUnknown, err)
	}
	return outcome, outcome.Err
}

// repaired is a content that is repaired each time it is read: nothing of it lies in memory or on disk a second time.
type repaired struct {
	Content
	kind cutover.FolderKind
	step repair.Repair
	size int64
}

func (r repaired) Size() int64 { return r.size }

func (r repaired) Open() (io.ReadCloser, error) {
	original, err := r.Content.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{repairedReader(r.kind, original, r.step), original}, nil
}

// messageDigest is what a whole message is compared by.
type messageDigest struct {
	identity cutover.Identity
	digest   cutover.Digest
	size     int64
	text     cutover.Digest // of objects
}

func repairedReader(kind cutover.FolderKind, original io.Reader, step repair.Repair) io.Reader {
	if kind.Objects() {
		return repair.NewObjectReader(kind, original, step)
	}
	return repair.NewReader(original, step)
}

// repairedContent is the content with the repairs. It is closed with the original.
func repairedContent(kind cutover.FolderKind, original Content, step repair.Repair) (Content, *messageDigest, error) {
	content := repaired{Content: original, kind: kind, step: step}
	r, err := content.Open()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	d := cutover.NewDigester(kind)
	if _, err := io.Copy(d, r); err != nil {
		return nil, nil, err
	}
	content.size = d.Size()
	whole := &messageDigest{identity: d.Identity(), digest: d.Digest(), size: d.Size()}
	if o, is := d.(*cutover.ObjectDigester); is {
		whole.text = o.Text()
	}
	return content, whole, nil
}

// repairsOf reads the repairs back from a note.
func repairsOf(row ledger.Item) repair.Repair {
	_, names, _ := strings.Cut(row.Note, ledger.RepairedNote)
	names, _, _ = strings.Cut(names, ";")
	return repair.Named(names)
}

// asPut is the row with the identity, the digest and the size that its copy has. Without repairs, and where the original cannot be read, it is the row.
func (w *worker) asPut(kind cutover.FolderKind, row ledger.Item) ledger.Item {
	if copied, repaired := w.repairedPrint(kind, row); repaired {
		row.Identity, row.Digest, row.Size = copied.is, copied.body, copied.size
	}
	return row
}

// repairedPrint is that of the saved original with the repairs that the row's note tells of: servers that render mail anew make their copy of that, and not of the original.
func (w *worker) repairedPrint(kind cutover.FolderKind, row ledger.Item) (copied print, repaired bool) {
	step := repairsOf(row)
	_, name, saved := strings.Cut(row.Note, savedAs)
	if step == 0 || !saved {
		return print{}, false
	}
	name, _, _ = strings.Cut(name, ";")
	original, err := os.Open(filepath.Join(w.b.cfg.Saved, filepath.Base(name)))
	if err != nil {
		return print{}, false
	}
	defer original.Close()
	copied, _, err = printOf(kind, repairedReader(kind, original, step))
	return copied, err == nil
}

// repairedDigests are what the copies of repaired items are compared by; one that cannot be read is compared as it is.
func repairedDigests(ctx context.Context, s Source, f cutover.Folder, rows map[cutover.Ref]ledger.Item) (map[cutover.Ref]*messageDigest, error) {
	refs := slices.Collect(maps.Keys(rows))
	return read(ctx, s, f, refs, func(got Fetched) (*messageDigest, error) {
		_, d, err := repairedContent(f.Kind, got.Content, repairsOf(rows[got.Ref]))
		return d, err
	})
}
