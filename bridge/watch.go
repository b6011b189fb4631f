package bridge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
)

// watchedRoles are the folders whose news should not wait for a poll, and so is the one where something arrived last: what rules file away. Each costs one connection to the legacy server.
var watchedRoles = []cutover.FolderRole{cutover.Inbox, cutover.Sent}

// errCannotWait: the server has no way to tell of news.
var errCannotWait = errors.New("server cannot tell of news")

// watch turns the server's hints into the worker's: from one connection for all folders where the server can tell of them, else from one for each watched folder. The group ends with ctx.
func (w *worker) watch(ctx context.Context) *sync.WaitGroup {
	var group sync.WaitGroup
	if w.b.cfg.Watch == nil {
		return &group
	}
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
		group.Go(func() { w.watchAgain(ctx, w.watchBusiest) })
	})
	return &group
}

// watchAgain waits for ever, unless the server cannot tell of news so. After a failure it tries again, soon first and then with the polls; what it misses meanwhile, they find. Where a wait is
// cut off the mailbox is looked at at once: the server may be gone, and nobody is to be told for a whole poll interval that all is well. Once a pass succeeds again the server is there, and is
// watched at once.
func (w *worker) watchAgain(ctx context.Context, once func(context.Context) error) {
	pause := w.b.cfg.Pause
	for ctx.Err() == nil {
		began := w.b.cfg.Clock.Steady()
		err := once(ctx)
		lasted := w.b.cfg.Clock.Steady().Sub(began)
		if errors.Is(err, ErrConnection) && lasted > w.b.cfg.Pause {
			w.hint()
		}
		switch {
		case errors.Is(err, errCannotWait):
			return
		case lasted > w.b.cfg.Poll:
			pause = w.b.cfg.Pause
		case errors.Is(err, ErrBusy), errors.Is(err, ErrLogin), errors.Is(err, ErrUnsupported):
			pause = w.b.cfg.Poll
		}
		if w.again.within(ctx, w.b.cfg.Clock, pause) {
			pause = w.b.cfg.Pause
		} else {
			pause = min(2*pause, w.b.cfg.Poll)
		}
	}
}

// bell wakes everybody who waits for it. The zero bell is ready.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed by the next ring; nil while nobody waits
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// within waits for a ring, not longer than a pause and not beyond the context.
func (b *bell) within(ctx context.Context, c clock.Clock, pause time.Duration) bool {
	b.mu.Lock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	rung := b.rung
	b.mu.Unlock()
	timer := c.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-rung:
		return true
	case <-timer.C():
	case <-ctx.Done():
	}
	return false
}

// watchAll waits on all folders.
func (w *worker) watchAll(ctx context.Context) error {
	store, err := w.b.cfg.Watch(w.m, false)
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
	return w.watchFolder(ctx, false, func(f cutover.Folder) bool { return w.rules.role(f) == role })
}

// watchBusiest waits on the busiest of the other folders, for as long as it is that.
func (w *worker) watchBusiest(ctx context.Context) error {
	busiest := w.busy.folder(w.b.cfg.Clock.Now())
	if busiest == "" {
		return ErrGone
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		for w.b.cfg.Clock.Sleep(ctx, w.b.cfg.Poll) == nil && w.busy.folder(w.b.cfg.Clock.Now()) == busiest {
		}
	}()
	return w.watchFolder(ctx, true, func(f cutover.Folder) bool { return f.Path.Key() == busiest })
}

func (w *worker) watchFolder(ctx context.Context, spare bool, is func(cutover.Folder) bool) error {
	store, err := w.b.cfg.Watch(w.m, spare)
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
		return ok && is(f)
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

// busyFor is how long a folder counts as busy after something arrived in it.
const busyFor = 24 * time.Hour

// busy notes where something arrived last, besides the folders that are watched for their role.
type busy struct {
	mu   sync.Mutex
	last string // FolderPath.Key
	at   time.Time
}

func (b *busy) arrived(p *pair, at time.Time) {
	if slices.Contains(watchedRoles, p.legacy.Role) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last, b.at = p.legacy.Path.Key(), at
}

// folder is the busiest folder; "" when nothing arrived for long.
func (b *busy) folder(now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.at) > busyFor {
		return ""
	}
	return b.last
}
