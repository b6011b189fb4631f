package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Messages that are marked as deleted may be copied into the cloud's Trash instead of being left out. Those of one folder are a folder of their own then, the bin, which leads there: a mark that is
// taken away takes a message out of it, and its copy is moved as any other's. One that was copied before it was marked stays where its copy is.

// binName is the last part of a bin's path; no server has such a folder.
const binName = "\x7fmarked as deleted"

// bin is the pair for those messages of p that are marked as deleted.
func (w *worker) bin(ctx context.Context, p *pair) (*pair, error) {
	if p.bin != nil {
		return p.bin, nil
	}
	trash, err := w.cloud.EnsureFolder(ctx, cutover.Folder{Path: cutover.FolderPath{"Trash"}, Kind: p.Kind, Role: cutover.Trash})
	if err != nil {
		return nil, fmt.Errorf("making the cloud's Trash for %s: %w", w.m.ID, err)
	}
	row, err := w.b.cfg.Ledger.Pair(ctx, ledger.FolderPair{Mailbox: w.m.ID, Kind: p.Kind, Role: cutover.Trash, Legacy: binPath(p.Legacy), Cloud: trash.Path})
	if err != nil {
		return nil, err
	}
	if row.Cloud.Key() != trash.Path.Key() {
		if trash, err = w.cloud.EnsureFolder(ctx, counterpart(row)); err != nil {
			return nil, fmt.Errorf("making the cloud's Trash for %s: %w", w.m.ID, err)
		}
	}
	bin := &pair{FolderPair: row, legacy: p.legacy, cloud: trash}
	if err := w.loadLeft(ctx, bin); err != nil {
		return nil, err
	}
	p.bin = bin
	return bin, nil
}

func binPath(of cutover.FolderPath) cutover.FolderPath {
	return append(of[:len(of):len(of)], binName)
}

func (p *pair) isBin() bool { return len(p.Legacy) > 0 && p.Legacy[len(p.Legacy)-1] == binName }

// anywhere reports whether a copy of the item lies in any cloud folder, and belongs to no other item: its owner took it out of the Trash.
func (w *worker) anywhere(ctx context.Context, row ledger.Item) (bool, error) {
	folders, err := w.cloud.Folders(ctx)
	if err != nil {
		return false, err
	}
	for _, f := range folders {
		if f.Foreign || f.NoSelect || f.Role.Virtual() || f.Kind != cutover.Mail {
			continue
		}
		there, err := w.liesIn(ctx, f, row)
		if err != nil || there {
			return there, err
		}
	}
	return false, nil
}

func (w *worker) liesIn(ctx context.Context, f cutover.Folder, row ledger.Item) (bool, error) {
	state, err := w.cloud.State(ctx, f)
	if err != nil {
		return false, err
	}
	for item, err := range w.cloud.Search(ctx, f, []cutover.Identity{row.Identity}) {
		if err != nil {
			return false, err
		}
		if !same(item, cutover.Item{Identity: row.Identity}) {
			continue
		}
		at := Sighting{Folder: f.Path, Place: ledger.Place{Validity: state.Validity, Ref: item.Ref}}
		if taken, err := (&search{w: w}).claimed(ctx, at); err != nil || !taken {
			return err == nil, err
		}
	}
	return false, nil
}

// unmarked adds to the origins what is in a bin and is itself among the news, as it was met without its mark, though it may have been marked again since: an item is in one place only.
// One that the cloud merged has no copy to move.
func (s *stretch) unmarked(ctx context.Context, origins []*origin, staying, news []ledger.Item) ([]*origin, error) {
	for _, row := range staying {
		if row.Disposition == cutover.Merged || !slices.ContainsFunc(news, func(now ledger.Item) bool { return now.Legacy == row.Legacy && !now.Flags.Has(`\Deleted`) }) {
			continue
		}
		from, err := s.w.pairOf(ctx, row.Folder)
		if err != nil {
			return nil, err
		}
		if from.Legacy.Key() == binPath(s.p.Legacy).Key() {
			origins = append(origins, &origin{from: from, row: row})
		}
	}
	return origins, nil
}

// discard disposes of news that are marked as deleted, by a stretch of their own: those that were moved here from another bin; those that were moved here from elsewhere as if they were not
// marked; the others go into the bin. What rows the old side's items have is another thing afterwards.
func (s *stretch) discard(ctx context.Context, b Batch, alike, marked []ledger.Item) error {
	if err := s.drain(); err != nil {
		return err
	}
	bin, err := s.w.bin(ctx, s.p)
	if err != nil {
		return err
	}
	if err := s.w.recover(ctx, bin); err != nil {
		return err
	}
	if marked, err = s.w.unbinned(ctx, bin, b, marked); err != nil {
		return err
	}
	inBins, err := s.w.inBins(ctx, alike)
	if err != nil {
		return err
	}
	if marked, err = s.rebinned(ctx, bin, b, inBins, marked); err != nil {
		return err
	}
	alike = slices.DeleteFunc(slices.Clone(alike), func(row ledger.Item) bool {
		return slices.ContainsFunc(inBins, func(bin ledger.Item) bool { return bin.ID == row.ID })
	})
	rest, err := s.moved(ctx, alike, marked)
	if err != nil || len(rest) == 0 {
		return err
	}
	into := &stretch{w: s.w, p: bin}
	if err := into.finish(ctx, into.put(ctx, b.Validity, ofBin(bin, rest))); err != nil {
		return err
	}
	return s.allBinned(ctx, bin, b, rest)
}

// renewed gives rows of the bin that have other references to the news that are marked as deleted, and returns the other news. It comes before rows of the folder itself are given away, which an
// equal message that is not marked may have.
func (s *stretch) renewed(ctx context.Context, b Batch, alike, news []ledger.Item) (rest []ledger.Item, err error) {
	marked, _ := s.w.leaveOut(news)
	if !s.w.rules.Discard || len(marked) == 0 {
		return news, nil
	}
	if alike, err = s.w.inBins(ctx, alike); err != nil || len(alike) == 0 {
		return news, err
	}
	bin, err := s.w.bin(ctx, s.p)
	if err != nil {
		return nil, err
	}
	if marked, err = s.w.unbinned(ctx, bin, b, marked); err != nil {
		return nil, err
	}
	renewed, _, err := s.w.renew(ctx, bin, b, alike, ofBin(bin, marked))
	if err != nil || len(renewed) == 0 {
		return news, err
	}
	if err := s.w.keep(ctx, bin, renewed, nil, nil); err != nil {
		return nil, err
	}
	done := map[ledger.Place]bool{}
	for _, row := range renewed {
		done[row.Legacy] = true
	}
	return slices.DeleteFunc(slices.Clone(news), func(now ledger.Item) bool { return done[now.Legacy] }), nil
}

// inBins are those of the rows that lie in bins.
func (w *worker) inBins(ctx context.Context, rows []ledger.Item) ([]ledger.Item, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	pairs, err := w.b.cfg.Ledger.Pairs(ctx, w.m.ID)
	if err != nil {
		return nil, err
	}
	bins := map[ledger.FolderID]bool{}
	for _, p := range pairs {
		bins[p.ID] = (&pair{FolderPair: p}).isBin()
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row ledger.Item) bool { return !bins[row.Folder] }), nil
}

// rebinned disposes of those that were moved here from another bin, which rows alike lie in, and returns the others.
func (s *stretch) rebinned(ctx context.Context, bin *pair, b Batch, alike, marked []ledger.Item) (rest []ledger.Item, err error) {
	if len(alike) == 0 {
		return marked, nil
	}
	into := &stretch{w: s.w, p: bin}
	_, err = into.moved(ctx, alike, ofBin(bin, marked))
	if finished := into.finish(ctx, err); finished != nil || err != nil {
		return nil, errors.Join(finished, err)
	}
	return s.w.unbinned(ctx, bin, b, marked)
}

// ofBin are the rows as rows of the bin.
func ofBin(bin *pair, rows []ledger.Item) []ledger.Item {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].ID, rows[i].Folder, rows[i].Note = 0, bin.ID, ""
	}
	return rows
}

// allBinned demands that the bin disposed of all of them.
func (s *stretch) allBinned(ctx context.Context, bin *pair, b Batch, rows []ledger.Item) error {
	bin.index = nil
	left, err := s.w.unbinned(ctx, bin, b, rows)
	if err == nil && len(left) > 0 {
		err = errLookAgain
	}
	return err
}

// put adopts or puts rows, without a cursor to keep.
func (s *stretch) put(ctx context.Context, validity string, rows []ledger.Item) error {
	adopted, rest, err := s.adopted(ctx, rows)
	if err != nil {
		return err
	}
	return s.carry(ctx, Batch{Validity: validity}, adopted, rest)
}

// unbinned are those that the bin has not disposed of.
func (w *worker) unbinned(ctx context.Context, bin *pair, b Batch, rows []ledger.Item) (open []ledger.Item, err error) {
	refs := make([]cutover.Ref, len(rows))
	for i, row := range rows {
		refs[i] = row.Legacy.Ref
	}
	known, err := w.b.cfg.Ledger.Known(ctx, bin.ID, b.Validity, refs)
	if err != nil {
		return nil, err
	}
	if err := w.displaced(ctx, bin, b, known); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if have, there := known[row.Legacy.Ref]; !there || !have.Disposition.Final() {
			open = append(open, row)
		}
	}
	return open, nil
}

// binned are the rows of a folder's bin by place, for verify.
func (v *verifier) binned(ctx context.Context, of cutover.FolderPath) (bin ledger.FolderPair, rows map[ledger.Place]ledger.Item, err error) {
	bin, there := v.pairs[binPath(of).Key()]
	rows = map[ledger.Place]ledger.Item{}
	if !there {
		return bin, rows, nil
	}
	err = v.b.cfg.Ledger.All(ctx, bin.ID, func(row ledger.Item) bool { rows[row.Legacy] = row; return true })
	return bin, rows, err
}
