package bridge

import (
	"context"
	"errors"
	"slices"
	"sync"

	"posthouse/cutover"
)

// watchedRoles are the folders whose news should not wait for a poll. Each costs one connection to the legacy server.
var watchedRoles = []cutover.FolderRole{cutover.Inbox, cutover.Sent}

// errCannotWait: the server has no way to tell of news.
var errCannotWait = errors.New("server cannot tell of news")

// watch turns the server's hints into the worker's: from one connection for all folders where the server can tell of them, else from one for each watched folder. The group ends with ctx.
func (w *worker) watch(ctx context.Context) *sync.WaitGroup {
	var group sync.WaitGroup
	group.Go(func() {
		if _, dumb := w.b.dumb.Load(w.m.Legacy.Server); !dumb {
			w.watchAgain(ctx, w.watchAll)
			w.b.dumb.Store(w.m.Legacy.Server, true)
		}
		if ctx.Err() != nil {
			return
		}
		for _, role := range watchedRoles {
			group.Go(func() { w.watchAgain(ctx, func(ctx context.Context) error { return w.watchRole(ctx, role) }) })
		}
	})
	return &group
}

// watchAgain waits for ever, unless the server cannot tell of news so. What it misses while it cannot wait, the poll finds.
func (w *worker) watchAgain(ctx context.Context, once func(context.Context) error) {
	for ctx.Err() == nil {
		if err := once(ctx); errors.Is(err, errCannotWait) {
			return
		}
		_ = w.b.cfg.Clock.Sleep(ctx, w.b.cfg.Poll) // an ended context ends the loop
	}
}

// watchAll waits on all folders.
func (w *worker) watchAll(ctx context.Context) error {
	store, err := w.b.cfg.Watch(w.m)
	if err != nil {
		return err
	}
	defer store.Close()
	all, able := store.(Notifier)
	if !able {
		return errCannotWait
	}
	return w.heard(func() error { return all.WaitAny(ctx) })
}

// watchRole waits on the folder with the role.
func (w *worker) watchRole(ctx context.Context, role cutover.FolderRole) error {
	store, err := w.b.cfg.Watch(w.m)
	if err != nil {
		return err
	}
	defer store.Close()
	folders, err := store.Folders(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(folders, func(f cutover.Folder) bool {
		ok, _ := w.rules.folder(f)
		return ok && w.rules.role(f) == role
	})
	if i < 0 {
		return ErrGone
	}
	return w.heard(func() error { return store.Wait(ctx, folders[i]) })
}

// heard passes hints on until there is an error.
func (w *worker) heard(wait func() error) error {
	for {
		err := wait()
		if errors.Is(err, ErrUnsupported) {
			return errCannotWait
		}
		if err != nil {
			return err
		}
		w.hint()
	}
}
