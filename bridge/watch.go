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

// watch keeps one waiting connection for each watched folder and turns its hints into the worker's. The group ends with ctx.
func (w *worker) watch(ctx context.Context) *sync.WaitGroup {
	var group sync.WaitGroup
	for _, role := range watchedRoles {
		group.Go(func() { w.watchRole(ctx, role) })
	}
	return &group
}

// watchRole waits on the folder with the role, for ever. What it misses while it cannot wait, the poll finds.
func (w *worker) watchRole(ctx context.Context, role cutover.FolderRole) {
	for ctx.Err() == nil {
		if err := w.watchOnce(ctx, role); errors.Is(err, errCannotWait) {
			return
		}
		_ = w.b.cfg.Clock.Sleep(ctx, w.b.cfg.Poll) // an ended context ends the loop
	}
}

func (w *worker) watchOnce(ctx context.Context, role cutover.FolderRole) error {
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
	for {
		err := store.Wait(ctx, folders[i])
		if errors.Is(err, ErrUnsupported) {
			return errCannotWait
		}
		if err != nil {
			return err
		}
		w.hint()
	}
}
