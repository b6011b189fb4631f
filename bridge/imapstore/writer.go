package imapstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"posthouse/bridge"
)

// writer keeps the connection for uploads between one Put and the next.
type writer struct {
	store *Store
	// borrowed: the permit is that of the control connection, which must be able to come back when the Put has ended.
	borrowed bool
	further  bool      // one more than the Put needs: it takes nobody's place
	ended    time.Time // of the last Put

	mu     sync.Mutex
	upload *upload // changed by the Put only
}

// idleTrust is how long an idle connection is believed to be alive without asking.
const idleTrust = 30 * time.Second

// takeWriter returns a writer that is idle, or a new one.
func (s *Store) takeWriter(ctx context.Context) (*writer, error) {
	s.warm(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err // what is taken and not given back would stay open for ever
	}
	if n := len(s.writers); n > 0 {
		w := s.writers[n-1]
		s.writers = s.writers[:n-1]
		return w, nil
	}
	return &writer{store: s}, nil
}

func (s *Store) giveWriter(w *writer) {
	w.ended = time.Now()
	if w.borrowed {
		w.drop()
		w.borrowed = false
	}
	s.mu.Lock()
	if !s.closed && len(s.writers) < s.o.Lanes {
		s.writers, w = append(s.writers, w), nil
	}
	s.mu.Unlock()
	if w != nil {
		w.drop()
	}
}

// Warm connects for the next Put in the background, where there is room, while the caller still looks what there is to put.
func (s *Store) Warm(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.warming != nil || len(s.writers) > 0 {
		return
	}
	done := make(chan struct{})
	s.warming = done
	go func() {
		w := &writer{store: s}
		if made, release, err := s.connect(ctx, true); err == nil {
			w.hold(newUpload(s.o, made, release, &putting{lanes: &lanes{store: s}, writer: w, wake: make(chan struct{}, 1)}))
			s.giveWriter(w)
		}
		s.mu.Lock()
		s.warming = nil
		s.mu.Unlock()
		close(done)
	}()
}

// warm waits for a connection that is being made in the background.
func (s *Store) warm(ctx context.Context) {
	s.mu.Lock()
	warming := s.warming
	s.mu.Unlock()
	if warming == nil {
		return
	}
	select {
	case <-warming:
	case <-ctx.Done():
	}
}

// hold keeps a connection, as if a Put had just ended on it.
func (w *writer) hold(u *upload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upload = u
}

// connected returns the upload for the Put, connecting if need be. One that broke is returned too: the Put must hear why.
func (w *writer) connected(ctx context.Context, p *putting) (*upload, error) {
	if w.upload != nil && w.upload.owner() != p {
		w.reuse(p)
	}
	if w.upload != nil {
		return w.upload, nil
	}
	made, release, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.upload = newUpload(w.store.o, made, release, p)
	w.mu.Unlock()
	return w.upload, ctx.Err()
}

// abort closes the connection under a Put whose context ended, or whose store was closed.
func (w *writer) abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.upload != nil {
		w.upload.conn.Close()
	}
}

// reuse takes an idle connection into the next Put, if it is alive.
func (w *writer) reuse(p *putting) {
	u := w.upload
	if u.failure() != nil {
		w.drop()
		return
	}
	u.adopt(p)
	if time.Since(w.ended) > idleTrust && u.noop() != nil {
		w.drop()
	}
}

// connect takes a further connection, or, where there is no room for one, the place of the control connection.
func (w *writer) connect(ctx context.Context) (*session, func(), error) {
	if !w.borrowed {
		made, release, err := w.store.connect(ctx, true)
		if !errors.Is(err, errNoRoom) || w.further {
			return made, release, err
		}
	}
	w.borrowed = true
	if err := w.store.control.take(ctx); err != nil {
		return nil, nil, err
	}
	w.store.control.close()
	w.store.control.give()
	return w.store.replace(ctx)
}

// replace connects in the place of a connection that was just closed. The server may count that one for a moment more.
func (s *Store) replace(ctx context.Context) (*session, func(), error) {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		made, release, err := s.connect(ctx, false)
		var busy *bridge.Busy
		if !errors.As(err, &busy) || busy.Kind != bridge.Crowded || pause > time.Second {
			return made, release, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (w *writer) drop() {
	w.mu.Lock()
	u := w.upload
	w.upload = nil
	w.mu.Unlock()
	if u != nil {
		u.close()
	}
}
