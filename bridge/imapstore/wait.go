package imapstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
	"posthouse/cutover"
)

// watch is a connection that idles in one folder, between calls of Wait too, so that no change goes unnoticed.
type watch struct {
	store *Store
	f     cutover.Folder
	lock  chan struct{}
	hint  chan struct{} // holds one hint
	live  *live
	idle  *imapclient.IdleCommand
}

// Wait idles (RFC 2177) on a connection of its own. It returns at once when the folder is not as the last Next saw it.
func (s *Store) Wait(ctx context.Context, f cutover.Folder) error {
	w, err := s.watchOf(f)
	if err != nil {
		return err
	}
	select {
	case w.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.lock }()
	s.rest(f)
	if err := w.wait(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("waiting for %s: %w", f.Path, err)
	}
	return ctx.Err()
}

// rest gives up connections that are not needed while waiting, so that they may serve somebody else: bodies have been read, and a store that only waits
// has no use for any other.
func (s *Store) rest(f cutover.Folder) {
	s.reader.rest()
	if _, followed := s.glanceOf(f); !followed {
		s.control.rest()
	}
}

func (s *Store) watchOf(f cutover.Folder) (*watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.watches[f.Name] == nil {
		s.watches[f.Name] = &watch{store: s, f: f, lock: make(chan struct{}, 1), hint: make(chan struct{}, 1)}
	}
	return s.watches[f.Name], nil
}

// minLife is how long an idle connection must have lasted for its loss to be no error: servers log idle clients out from time to time.
const minLife = time.Minute

func (w *watch) wait(ctx context.Context) error {
	for {
		if err := w.begin(ctx); err != nil {
			return err
		}
		begun := time.Now()
		select {
		case <-w.hint:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-w.live.client.Closed():
			w.end()
			if w.store.isClosed() {
				return errClosed
			}
			if time.Since(begun) < minLife {
				return fmt.Errorf("%w while idle", bridge.ErrConnection)
			}
		}
	}
}

// begin connects, opens the folder and idles, unless that is so already.
func (w *watch) begin(ctx context.Context) error {
	if w.live != nil {
		return nil
	}
	s, release, err := w.store.connect(ctx, true)
	if errors.Is(err, errNoRoom) {
		return fmt.Errorf("%w: %w", bridge.ErrBusy, err) // there may be room later
	}
	if err != nil {
		return err
	}
	if !s.caps.has("IDLE") {
		s.conn.Close()
		release()
		return bridge.ErrUnsupported
	}
	w.live = s.goIMAP(release)
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	unhook := w.store.onClose(func() { s.conn.Close() })
	s.conn.expect(w.store.o.Timeout)
	err = w.start()
	s.conn.expect(0)
	if err != nil || !stop() {
		unhook()
		w.end()
		return w.store.classify(errors.Join(err, ctx.Err()))
	}
	drop := w.live.drop
	w.live.drop = func() {
		unhook()
		drop()
	}
	return nil
}

func (w *watch) start() error {
	w.live.strays.mu.Lock()
	w.live.strays.hint = w.hinted
	w.live.strays.mu.Unlock()
	_, err := w.live.examine(w.f)
	if err != nil {
		return err
	}
	if seen, ok := w.store.glanceOf(w.f); !ok || seen != w.live.view {
		w.hinted(false)
	}
	w.idle, err = w.live.client.Idle()
	return err
}

func (w *watch) hinted(flags bool) {
	if flags {
		w.store.flagsDue(w.f)
	}
	select {
	case w.hint <- struct{}{}:
	default:
	}
}

func (w *watch) end() {
	if w.live == nil {
		return
	}
	w.live.conn.Close()
	if w.idle != nil {
		_ = w.idle.Close() // waits for its goroutine; the connection is closed already
	}
	w.live.drop()
	w.live, w.idle = nil, nil
}

// rest ends the watch if nobody waits; the next Wait begins it again, and hints if it missed something.
func (w *watch) rest() {
	select {
	case w.lock <- struct{}{}:
		defer func() { <-w.lock }()
		w.end()
	default:
	}
}

// close ends the watch for good. The connection has been closed by the store's hook, so whoever waits returns soon.
func (w *watch) close() {
	w.lock <- struct{}{}
	defer func() { <-w.lock }()
	w.end()
}
