package bridge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Plan is where the items of a mailbox will go.
type Plan struct {
	Mailbox cutover.MailboxID
	At      time.Time
	Folders []PlannedFolder // as the legacy server lists them
}

// PlannedFolder is a legacy folder and what will become of it.
type PlannedFolder struct {
	Legacy  cutover.FolderPath
	Kind    cutover.FolderKind // what its items are
	Skipped string             // why it is not copied; then the rest is empty
	Items   int                // in the legacy folder
	Cloud   cutover.FolderPath // as far as it can be told: a server may refuse the name of a folder that is to be made
	Exists  bool               // the cloud folder is there already
	There   int                // items in it
	Changed bool               // the cloud folder has another name than is wanted: the cloud cannot hold that one, or takes it for another
	// Clash are the other legacy folders whose items go to the same cloud folder. Of folders to be made, those count whose names differ in case or blanks only: some servers take them for one.
	Clash []cutover.FolderPath
	Err   error // what kept this folder from being looked at
}

// Plan tells what copying would do with the folders of the mailboxes, and changes nothing on either side. Parallel mailboxes are read at a time, on connections of their own; done is
// called once for each, one at a time. It returns the context's error, or that of a mailbox that is not known.
func (b *Bridge) Plan(ctx context.Context, ids []cutover.MailboxID, done func(Plan, error)) error {
	workers, err := b.workersOf(ids)
	if err != nil {
		return err
	}
	return sideBySide(ctx, workers, make(chan struct{}, max(1, b.cfg.Parallel)), func(w *worker) (tell func()) {
		plan, err := b.plan(ctx, w)
		return func() { done(plan, err) }
	})
}

func (b *Bridge) plan(ctx context.Context, w *worker) (Plan, error) {
	m := w.m
	p := Plan{Mailbox: m.ID, At: b.cfg.Clock.Now()}
	err := b.withBoth(m, func(legacy, cloud Store) error {
		r := planner{b: b, m: m, rules: w.rules, legacy: legacy, cloud: cloud, rows: map[string]ledger.FolderPair{}}
		var err error
		if p.Folders, err = r.run(ctx); err != nil {
			return fmt.Errorf("planning %s: %w", m.ID, err)
		}
		return nil
	})
	return p, err
}

// planner holds one mailbox while it is planned. It goes the way of worker.pairFolders without making anything.
type planner struct {
	b             *Bridge
	m             cutover.Mailbox
	rules         Rules
	legacy, cloud Store
	seer          Foreseer
	rows          map[string]ledger.FolderPair // of pairs made before, by legacy path
	made          []cutover.Folder             // that would be made up to here
}

func (r *planner) run(ctx context.Context) ([]PlannedFolder, error) {
	var able bool
	if r.seer, able = r.cloud.(Foreseer); !able {
		return nil, fmt.Errorf("telling beforehand: %w", ErrUnsupported)
	}
	rows, err := r.b.cfg.Ledger.Pairs(ctx, r.m.ID)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		r.rows[row.Legacy.Key()] = row
	}
	folders, err := r.legacy.Folders(ctx)
	if err != nil {
		return nil, err
	}
	planned := make([]PlannedFolder, len(folders))
	for i, f := range folders {
		planned[i].Legacy, planned[i].Kind = f.Path, f.Kind
		if ok, why := r.rules.folder(f); !ok {
			planned[i].Skipped = why
		} else if err := r.folder(ctx, f, &planned[i]); wholeMailbox(ctx, err) {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		} else {
			planned[i].Err = err
		}
	}
	clashes(planned)
	return planned, nil
}

func (r *planner) folder(ctx context.Context, f cutover.Folder, p *PlannedFolder) error {
	state, err := r.legacy.State(ctx, f)
	if err != nil {
		return err
	}
	p.Items = state.Items
	to, exists, err := r.wouldBe(ctx, f, p)
	if err != nil || !exists {
		return err
	}
	state, err = r.cloud.State(ctx, to)
	p.There = state.Items
	return err
}

// wouldBe says what newPair would come to.
func (r *planner) wouldBe(ctx context.Context, f cutover.Folder, p *PlannedFolder) (to cutover.Folder, exists bool, err error) {
	want := r.rules.target(f)
	if to, exists, err = r.seer.WouldBe(ctx, want); err != nil {
		return to, false, err
	}
	byRole := exists && want.Role != cutover.NoRole && to.Role == want.Role
	if !exists {
		to, byRole = r.make(to)
	}
	p.Changed = !byRole && to.Path.Key() != want.Path.Key()
	if row, known := r.rows[f.Path.Key()]; known && row.Cloud.Key() != to.Path.Key() {
		p.Changed = false
		to, exists, err = r.seer.WouldBe(ctx, counterpart(row))
	}
	p.Cloud, p.Exists = to.Path, exists
	return to, exists, err
}

// make notes a folder that would be made, unless one of its kind with its role would be there by then: calendars and address books have a default each.
func (r *planner) make(f cutover.Folder) (made cutover.Folder, before bool) {
	for _, earlier := range r.made {
		if f.Role != cutover.NoRole && earlier.Role == f.Role && earlier.Kind == f.Kind {
			return earlier, true
		}
	}
	r.made = append(r.made, f)
	return f, false
}

// clashes tells folders with the same counterpart of one another.
func clashes(all []PlannedFolder) {
	sharing := map[string][]int{}
	for i, p := range all {
		if p.Cloud != nil {
			sharing[p.place()] = append(sharing[p.place()], i)
		}
	}
	for _, together := range sharing {
		for _, i := range together {
			for _, j := range together {
				if i != j {
					all[i].Clash = append(all[i].Clash, all[j].Legacy)
				}
			}
		}
	}
}

// place is the same for folders that become one.
func (p PlannedFolder) place() string {
	if p.Exists {
		return "there " + p.Cloud.Key()
	}
	likeness := make(cutover.FolderPath, len(p.Cloud))
	for i, element := range p.Cloud {
		likeness[i] = strings.ToLower(strings.TrimSpace(element))
	}
	return "new " + likeness.Key()
}
