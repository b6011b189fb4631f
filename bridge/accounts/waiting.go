package accounts

import (
	"context"
	"fmt"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Watch makes a store that only waits.
func (s *Accounts) Watch(m cutover.Mailbox, spare bool) (bridge.Store, error) {
	srv := s.servers[m.Legacy.Server]
	if srv == nil {
		return nil, fmt.Errorf("no server %q: %w", m.Legacy.Server, bridge.ErrUnsupported)
	}
	release, room := srv.acquireWaiting(spare)
	if !room {
		return nil, fmt.Errorf("no connection left to wait on: %w", bridge.ErrUnsupported)
	}
	store, err := s.Open(m, cutover.Legacy)
	if err != nil {
		release()
		return nil, err
	}
	return &waitingStore{Store: store, release: release}, nil
}

func (s *server) acquireWaiting(spare bool) (release func(), room bool) {
	if spare && !s.spare.TryAcquire() {
		return nil, false
	}
	release = s.waiting.Release
	if spare {
		release = func() {
			s.waiting.Release()
			s.spare.Release()
		}
	}
	if !s.waiting.TryAcquire() {
		if spare {
			s.spare.Release()
		}
		return nil, false
	}
	return release, true
}

// waitingStore gives its place among the waiting back when it is closed.
type waitingStore struct {
	bridge.Store
	release func()
}

// WaitAny implements bridge.Notifier.
func (w *waitingStore) WaitAny(ctx context.Context) error {
	all, able := w.Store.(bridge.Notifier)
	if !able {
		return bridge.ErrUnsupported
	}
	return all.WaitAny(ctx)
}

func (w *waitingStore) Close() error {
	defer w.release()
	return w.Store.Close()
}
