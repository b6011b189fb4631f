package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// pair is a legacy folder and its cloud counterpart, as the servers name them now.
type pair struct {
	ledger.FolderPair
	legacy cutover.Folder
	cloud  cutover.Folder
	index  *cloudIndex // nil outside a backfill
	total  int         // items in the legacy folder when it was last looked at
	quiet  bool        // nothing was new at the last glance
	bin    *pair       // for what is marked as deleted; nil until it is needed
	era    string      // validity of the cloud folder with which all rows agree; "" when that is not known
	left   tallyLeft   // keywords that the cloud folder does not take
	roll   *roll       // what it held when somebody asked for what had other references before
	late   late        // what was put and may come late

	deletions deletions
}

// listed reports whether the legacy folder was there when folders were listed last.
func (p *pair) listed() bool { return p.legacy.Name != "" || len(p.legacy.Path) > 0 }

// pairFolders lists the legacy folders and finds or makes each one's counterpart. Folders keep their pair, and with it what was learned of them, from pass to pass. A folder without a
// counterpart does not stop the others: why it has none is kept in unpaired.
func (w *worker) pairFolders(ctx context.Context) error {
	folders, err := w.listed(ctx)
	if err != nil {
		return err
	}
	have := map[string]*pair{}
	for _, p := range w.pairs {
		have[p.Legacy.Key()] = p
	}
	if err := w.tellSubscriptions(ctx, folders, have); err != nil {
		return err
	}
	if err := w.prepare(ctx, folders, have); err != nil {
		return err
	}
	pairs := make([]*pair, 0, len(folders))
	var skipped []SkippedFolder
	w.unpaired = nil
	for _, f := range folders {
		if ok, why := w.rules.folder(f); !ok {
			skipped = append(skipped, SkippedFolder{Path: f.Path.String(), Why: why})
			continue
		}
		p := have[f.Path.Key()]
		if p == nil {
			if p, err = w.newPair(ctx, f); wholeMailbox(ctx, err) {
				return err
			} else if err != nil {
				w.unpaired = append(w.unpaired, err)
				continue
			}
		}
		p.legacy = f
		pairs = append(pairs, p)
	}
	slices.SortStableFunc(pairs, func(a, b *pair) int { return urgency(a.Role) - urgency(b.Role) })
	w.pairs = pairs
	if err := w.subscribe(ctx); err != nil {
		return err
	}
	return w.measure(ctx, skipped)
}

// prepare makes the counterparts of folders that have none yet at once, where the cloud can.
func (w *worker) prepare(ctx context.Context, folders []cutover.Folder, have map[string]*pair) error {
	all, can := w.cloud.(Preparer)
	if !can {
		return nil
	}
	var wanted []cutover.Folder
	for _, f := range folders {
		if ok, _ := w.rules.folder(f); ok && have[f.Path.Key()] == nil {
			wanted = append(wanted, w.rules.target(f))
		}
	}
	if len(wanted) < 2 {
		return nil
	}
	if err := all.PrepareFolders(ctx, wanted); wholeMailbox(ctx, err) {
		return fmt.Errorf("making the cloud folders of %s: %w", w.m.ID, err)
	}
	return nil
}

func (w *worker) newPair(ctx context.Context, f cutover.Folder) (*pair, error) {
	cloud, err := w.cloud.EnsureFolder(ctx, w.rules.target(f))
	if err != nil {
		return nil, fmt.Errorf("making the cloud folder for %s %s: %w", w.m.ID, f.Path, err)
	}
	row, err := w.b.cfg.Ledger.Pair(ctx, ledger.FolderPair{Mailbox: w.m.ID, Kind: f.Kind, Role: w.rules.role(f), Legacy: f.Path, Cloud: cloud.Path})
	if err != nil {
		return nil, err
	}
	if row.Cloud.Key() != cloud.Path.Key() {
		if cloud, err = w.cloud.EnsureFolder(ctx, counterpart(row)); err != nil {
			return nil, fmt.Errorf("making the cloud folder for %s %s: %w", w.m.ID, f.Path, err)
		}
	}
	p := &pair{FolderPair: row, legacy: f, cloud: cloud}
	return p, w.loadLeft(ctx, p)
}

// counterpart is the cloud folder of a pair that was made before: it stays, whatever the rules say by now.
func counterpart(row ledger.FolderPair) cutover.Folder {
	return cutover.Folder{Path: row.Cloud, Kind: row.Kind}
}

// measure learns how much there is, for progress.
func (w *worker) measure(ctx context.Context, skipped []SkippedFolder) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	total := 0
	for _, p := range w.pairs {
		total += p.total
	}
	tally, err := w.b.cfg.Ledger.Tally(ctx, w.m.ID)
	if err != nil {
		return err
	}
	kinds, err := w.tallies(ctx)
	if err != nil {
		return err
	}
	w.status.copying(len(w.pairs), total, tally, kinds, skipped)
	w.status.leftOut(w.pairs)
	return nil
}

// tallies are how far the mailbox's items of each kind are.
func (w *worker) tallies(ctx context.Context) (map[cutover.FolderKind]Count, error) {
	kinds := map[cutover.FolderKind]Count{}
	for _, kind := range w.b.cfg.Kinds {
		tally, err := w.b.cfg.Ledger.Tally(ctx, w.m.ID, kind)
		if err != nil {
			return nil, err
		}
		var c Count
		for d, n := range tally.Items {
			if counts(d) {
				c.Done += n
			}
		}
		for _, p := range w.pairs {
			if p.Kind == kind {
				c.Total += p.total
			}
		}
		kinds[kind] = c
	}
	return kinds, nil
}

// look learns how many items each folder holds and, where the server can tell, which folders need no closer look.
func (w *worker) look(ctx context.Context) error {
	able, err := w.glance(ctx)
	if able || err != nil {
		return err
	}
	for _, p := range w.pairs {
		state, err := w.legacy.State(ctx, p.legacy)
		if wholeMailbox(ctx, err) {
			return fmt.Errorf("measuring %s %s: %w", w.m.ID, p.Legacy, err)
		} else if err == nil { // else its turn will tell
			p.total = state.Items
		}
	}
	return nil
}

func (w *worker) glance(ctx context.Context) (able bool, err error) {
	all, able := w.legacy.(Glancer)
	if !able {
		return false, nil
	}
	folders, cursors := make([]cutover.Folder, len(w.pairs)), make([]ledger.Cursor, len(w.pairs))
	for i, p := range w.pairs {
		folders[i] = p.legacy
		if cursors[i], err = w.b.cfg.Ledger.Cursor(ctx, p.ID); err != nil {
			return true, err
		}
	}
	glances, err := all.Glance(ctx, folders, cursors)
	if err != nil {
		return true, fmt.Errorf("glancing at %s: %w", w.m.ID, err)
	}
	for i, p := range w.pairs {
		p.quiet = glances[i].Quiet
		if glances[i].Known {
			p.total = glances[i].Items
		}
	}
	return true, nil
}

// wholeMailbox reports whether an error is about more than one folder.
func wholeMailbox(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, ErrConnection) || errors.Is(err, ErrLogin) || errors.Is(err, ErrBusy) || errors.Is(err, ErrNoServer))
}

// unpair forgets the counterparts of folders that failed: they are looked for anew, as the user may have renamed or deleted one in the cloud.
func (w *worker) unpair(failed map[*pair]error) {
	w.pairs = slices.DeleteFunc(w.pairs, func(p *pair) bool { return failed[p] != nil })
}

// urgency orders folders: what people wait for comes first.
func urgency(r cutover.FolderRole) int {
	switch r {
	case cutover.Inbox:
		return 0
	case cutover.Sent:
		return 1
	case cutover.Junk, cutover.Trash:
		return 3
	}
	return 2
}
