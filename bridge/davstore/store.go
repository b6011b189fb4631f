package davstore

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"posthouse/bridge"
	"posthouse/cutover"
)

var (
	_ bridge.Store    = (*Store)(nil)
	_ bridge.Deleter  = (*Store)(nil)
	_ bridge.Filler   = (*Store)(nil)
	_ bridge.Foreseer = (*Store)(nil)
	_ bridge.Glancer  = (*Store)(nil)
	_ bridge.Mover    = (*Store)(nil)
	_ bridge.Pinger   = (*Store)(nil)
)

// Store is one mailbox's calendars and address books.
type Store struct {
	o      Options
	client *http.Client
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	found    *places
	seen     []collection // as listed last, and not yet used for a glance
	mirrors  map[string]*mirror
	kept     kept
	fills    atomic.Int32 // collections being filled
	bare     atomic.Bool  // the server does not tell versions with what is read alone
	notExact int          // lengths that the server told, and that were wrong
}

// New makes a store. It does no I/O.
func New(o Options) *Store {
	o = o.withDefaults()
	s := &Store{o: o, closed: make(chan struct{}), mirrors: map[string]*mirror{}}
	s.kept = kept{bodies: map[string]body{}, room: o.Kept}
	s.client = &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

// Close ends the store: calls under way return an error.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

var errClosed = fmt.Errorf("store is closed: %w", bridge.ErrConnection)

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// alive is a context that ends with the store too.
func (s *Store) alive(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if s.isClosed() {
		return nil, nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel, nil
}

func (s *Store) shows(kind cutover.FolderKind) bool { return slices.Contains(s.o.Kinds, kind) }

// Ping asks the server for the home.
func (s *Store) Ping(ctx context.Context) error {
	at, err := s.places(ctx)
	if err != nil {
		return err
	}
	for _, kind := range s.o.Kinds {
		if home := at.homes[kind]; home != nil {
			_, err := s.propfind(ctx, home, 0, "<D:resourcetype/>")
			return err
		}
	}
	return nil
}

// Wait is not for servers that cannot tell: the caller polls.
func (s *Store) Wait(ctx context.Context, _ cutover.Folder) error {
	if s.isClosed() {
		return errClosed
	}
	return bridge.ErrUnsupported
}
