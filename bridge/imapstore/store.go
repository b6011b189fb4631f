package imapstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Store is one mailbox on an IMAP server; it implements bridge.Store. Next and Fetch may run at the same time; each Wait is on its own.
type Store struct {
	o       Options
	control *link
	reader  *link       // bodies, so that the next batch can be read ahead
	odd     atomic.Bool // LIST cannot be read by go-imap
	told    atomic.Bool // LIST told what is subscribed

	mu       sync.Mutex
	closed   bool
	hooks    map[int]func()
	hook     int
	folders  []cutover.Folder // as last listed, for EnsureFolder
	spaces   namespaces
	flagged  map[string]*flagPoll
	pending  map[string]*unread
	seen     map[string]glance
	watches  map[string]*watch
	bell     *bell
	keywords map[string]keywords
	writers  []*writer     // idle
	warming  chan struct{} // closed when a connection for the next Put was made, or could not be
}

var (
	_ bridge.Store    = (*Store)(nil)
	_ bridge.Foreseer = (*Store)(nil)
	_ bridge.Keeper   = (*Store)(nil)
	_ bridge.Notifier = (*Store)(nil)
	_ bridge.Pinger   = (*Store)(nil)
)

// New returns a store; it connects when the first method needs it.
func New(o Options) *Store {
	s := &Store{
		o: o.withDefaults(), hooks: map[int]func(){}, flagged: map[string]*flagPoll{}, pending: map[string]*unread{},
		seen: map[string]glance{}, watches: map[string]*watch{}, keywords: map[string]keywords{},
	}
	s.control, s.reader, s.bell = newLink(s, false), newLink(s, true), newBell(s)
	return s
}

// connect takes a permit and connects. An extra connection that cannot be had, because of our limit or the server's, is errNoRoom.
func (s *Store) connect(ctx context.Context, extra bool) (*session, func(), error) {
	if extra && !s.o.Limit.TryAcquire() {
		return nil, nil, errNoRoom
	}
	if !extra && !s.o.Limit.TryAcquire() {
		s.warm(ctx) // it may hold the last permit
		s.makeRoom()
		if err := s.o.Limit.Acquire(ctx); err != nil {
			return nil, nil, err
		}
	}
	made, err := s.o.connect(ctx)
	if err == nil {
		return made, s.o.Limit.Release, nil
	}
	s.o.Limit.Release()
	s.crowded(err)
	if extra && ctx.Err() == nil {
		s.o.Log.WithError(err).Debug("no further connection; going on with those there are")
		err = fmt.Errorf("%w: %w", errNoRoom, err)
	}
	return nil, nil, err
}

// crowded tells the limiter when the server has too many connections.
func (s *Store) crowded(err error) {
	var busy *bridge.Busy
	if l, adapts := s.o.Limit.(Crowder); adapts && errors.As(err, &busy) && busy.Kind == bridge.Crowded {
		l.Crowded()
	}
}

// makeRoom gives up the store's further connections that nobody uses, so that it does not wait for itself.
func (s *Store) makeRoom() {
	s.reader.rest()
	s.mu.Lock()
	writers := s.writers
	s.writers = nil
	watches := slices.Collect(maps.Values(s.watches))
	s.mu.Unlock()
	for _, w := range writers {
		w.drop()
	}
	for _, watch := range watches {
		watch.rest()
	}
	s.bell.rest()
}

// Close logs out and ends what is under way. It takes a few seconds at most.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	hooks, watches, writers := s.hooks, s.watches, s.writers
	s.hooks, s.watches, s.writers = nil, nil, nil
	s.mu.Unlock()
	for _, hook := range hooks {
		hook()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, w := range watches {
		w.close()
	}
	s.bell.close()
	for _, w := range writers {
		w.drop()
	}
	s.control.logout(ctx)
	s.reader.logout(ctx)
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// onClose calls stop when the store is closed before unhook is called.
func (s *Store) onClose(stop func()) (unhook func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		stop()
		return func() {}
	}
	s.hook++
	n := s.hook
	s.hooks[n] = stop
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.hooks, n)
	}
}

// Ping implements bridge.Pinger.
func (s *Store) Ping(ctx context.Context) error {
	err := s.control.do(ctx, func(at *live) error { return at.client.Noop().Wait() })
	if err != nil {
		return fmt.Errorf("asking for a sign of life: %w", err)
	}
	return nil
}

// folderError: a folder that cannot be opened because it is not there is gone.
func folderError(err error) error {
	if said, ok := answered(err); ok && (said.code == "NONEXISTENT" || said.code == "" && notThere.MatchString(said.text)) {
		return keepOpen{fmt.Errorf("%w: %w", bridge.ErrGone, err)}
	}
	return err
}

func refOf(uid imap.UID) cutover.Ref { return cutover.Ref(strconv.FormatUint(uint64(uid), 10)) }

var errBadRef = errors.New("not a UID")

func uidOf(ref cutover.Ref) (imap.UID, error) {
	n, err := strconv.ParseUint(string(ref), 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("reference %q: %w", ref, errBadRef)
	}
	return imap.UID(n), nil
}

// uidSet is the set of the given references; those that are no UID are left out, as if they were gone.
func uidSet(refs []cutover.Ref) imap.UIDSet {
	var set imap.UIDSet
	for _, ref := range refs {
		if uid, err := uidOf(ref); err == nil {
			set.AddNum(uid)
		}
	}
	return set
}

func flagsOf(flags []imap.Flag) cutover.Flags {
	raw := make([]string, len(flags))
	for i, f := range flags {
		raw[i] = string(f)
	}
	return cutover.NewFlags(raw...)
}
