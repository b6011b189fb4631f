package memstore

import (
	"context"
	"fmt"
	"sync"

	"posthouse/bridge"
	"posthouse/cutover"
)

// The steps that the fault hook is asked about.
const (
	OpFolders = "folders"
	OpNext    = "next"
	OpFetch   = "fetch"      // before a Fetch: its error
	OpBody    = "fetch body" // before each body: ErrConnection ends the Fetch, any other is that item's
	OpWait    = "wait"
	OpPing    = "ping"
	OpEnsure  = "ensure folder"
	OpMove    = "move"
	OpDelete  = "delete" // before each item: its error, if it is ErrRefused or ErrBusy, is that item's; any other ends the Delete
	// OpSubscribe is asked before each folder of a Subscribe.
	OpSubscribe = "subscribe"
	OpState     = "state"
	OpScan      = "scan"        // before each item
	OpSearch    = "search"      // before each item found, and once at the beginning
	OpPut       = "put"         // before each item is stored: ErrRefused, ErrBusy, ErrUnknown are its outcome, any other ends the Put
	OpReply     = "put reply"   // after each item was stored: ErrUnknown is its outcome, any other ends the Put without an outcome for it
	OpFlags     = "flags"       // before a Flags, and before each item of a SetFlags
	OpFlagged   = "flags reply" // after each item of a SetFlags has its flags: its error ends the SetFlags
)

var (
	_ bridge.Store    = (*Store)(nil)
	_ bridge.Deleter  = (*Store)(nil)
	_ bridge.Foreseer = (*Store)(nil)
	_ bridge.Keeper   = (*Store)(nil)
	_ bridge.Pinger   = (*Store)(nil)
)

// Store is one open login of a Mailbox.
type Store struct {
	box    *Mailbox
	once   sync.Once
	closed chan struct{}

	mu   sync.Mutex
	seen map[string]uint64 // by folder: its modseq at the last Next, so that Wait misses nothing in between
	eras map[string]uint32 // by folder: its validity at the last Next
}

// Close ends the Store: calls under way and later ones return an error.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// begin is the start of each step: nothing works on a closed Store, with an ended context, or when the hook objects.
func (s *Store) begin(ctx context.Context, op string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	if err := s.box.ask(op); err != nil {
		return err
	}
	return s.alive(ctx)
}

func (s *Store) alive(ctx context.Context) error {
	select {
	case <-s.closed:
		return fmt.Errorf("store is closed: %w", bridge.ErrConnection)
	default:
		return ctx.Err()
	}
}

// Folders lists the folders in the order in which they were made.
func (s *Store) Folders(ctx context.Context) ([]cutover.Folder, error) {
	if err := s.begin(ctx, OpFolders); err != nil {
		return nil, fmt.Errorf("listing folders: %w", err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	list := make([]cutover.Folder, len(s.box.folders))
	for i, f := range s.box.folders {
		list[i] = f.Folder
	}
	return list, nil
}

// Ping implements bridge.Pinger.
func (s *Store) Ping(ctx context.Context) error { return s.begin(ctx, OpPing) }

// open finds the folder by its name; the caller holds the mailbox's lock.
func (s *Store) open(f cutover.Folder) (*folder, error) {
	for _, have := range s.box.folders {
		if have.Name == f.Name && !have.NoSelect {
			return have, nil
		}
	}
	return nil, fmt.Errorf("folder %s: %w", f.Path, bridge.ErrGone)
}
