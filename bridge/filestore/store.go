package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"posthouse/bridge"
	"posthouse/cutover"
)

var (
	_ bridge.Store    = (*Store)(nil)
	_ bridge.Foreseer = (*Store)(nil)
	_ bridge.Pinger   = (*Store)(nil)
)

// Options say where the files lie.
type Options struct {
	Dir   string
	Kinds []cutover.FolderKind // that are shown; both when empty
	Batch int                  // items in a batch of Next; 250 when zero
}

// Store is one mailbox's folder of files.
type Store struct {
	o      Options
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	files map[string]*file // as they were read last, by name
}

// New makes a store. It does no I/O.
func New(o Options) *Store {
	if o.Batch <= 0 {
		o.Batch = 250
	}
	if len(o.Kinds) == 0 {
		o.Kinds = []cutover.FolderKind{cutover.Calendar, cutover.Contacts}
	}
	return &Store{o: o, closed: make(chan struct{}), files: map[string]*file{}}
}

// Close ends the store.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// begin is the start of each step.
func (s *Store) begin(ctx context.Context) error {
	select {
	case <-s.closed:
		return fmt.Errorf("store is closed: %w", bridge.ErrConnection)
	default:
		return ctx.Err()
	}
}

// Ping looks whether the folder is there.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(s.o.Dir); err != nil {
		return fmt.Errorf("%w: %w", bridge.ErrConnection, err)
	}
	return nil
}

// Wait is not for files: the caller polls.
func (s *Store) Wait(ctx context.Context, _ cutover.Folder) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return bridge.ErrUnsupported
}

var (
	extensions = map[cutover.FolderKind]string{cutover.Calendar: ".ics", cutover.Contacts: ".vcf"}
	titles     = map[cutover.FolderKind]string{cutover.Calendar: "Calendars", cutover.Contacts: "Address books"}
	defaults   = []string{"default", "calendar", "contacts", "personal"}
)

// Folders lists the files by name, calendars first. A folder that is not there is a side that cannot be reached: it may be a share.
func (s *Store) Folders(ctx context.Context) ([]cutover.Folder, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(s.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bridge.ErrConnection, err)
	}
	var all []cutover.Folder
	for _, kind := range s.o.Kinds {
		all = append(all, listed(entries, kind)...)
	}
	return all, nil
}

func listed(entries []fs.DirEntry, kind cutover.FolderKind) (here []cutover.Folder) {
	for _, e := range entries {
		if !strings.EqualFold(filepath.Ext(e.Name()), extensions[kind]) || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := cutover.FolderPath{titles[kind], titleOf(e.Name())}
		if slices.ContainsFunc(here, func(f cutover.Folder) bool { return f.Path.Key() == path.Key() }) {
			path[1] = e.Name()
		}
		here = append(here, cutover.Folder{Kind: kind, Name: e.Name(), Path: path})
	}
	i := slices.IndexFunc(here, func(f cutover.Folder) bool { return slices.Contains(defaults, strings.ToLower(f.Path[1])) })
	if i < 0 && len(here) == 1 {
		i = 0
	}
	if i >= 0 {
		here[i].Role = cutover.Default
	}
	return here
}

// titleOf is what a file of that name is called.
func titleOf(name string) string {
	base := strings.TrimSuffix(name, filepath.Ext(name))
	if title, err := url.PathUnescape(base); err == nil {
		return title
	}
	return base
}

// find is the folder that is wanted, by role, then by name, and else the one that would be made.
func (s *Store) find(ctx context.Context, want cutover.Folder) (f cutover.Folder, exists bool, err error) {
	all, err := s.Folders(ctx)
	if err != nil {
		return f, false, err
	}
	name := want.Path
	if len(name) > 1 && name[0] == titles[want.Kind] {
		name = name[1:]
	}
	made := cutover.Folder{Kind: want.Kind, Role: want.Role, Path: cutover.FolderPath{titles[want.Kind], strings.TrimSpace(strings.Join(name, " / "))}}
	for _, same := range []func(cutover.Folder) bool{
		func(f cutover.Folder) bool { return want.Role != cutover.NoRole && f.Role == want.Role },
		func(f cutover.Folder) bool { return f.Path.Key() == made.Path.Key() },
	} {
		if i := slices.IndexFunc(all, func(f cutover.Folder) bool { return f.Kind == want.Kind && same(f) }); i >= 0 {
			return all[i], true, nil
		}
	}
	return made, false, nil
}

// WouldBe implements bridge.Foreseer.
func (s *Store) WouldBe(ctx context.Context, want cutover.Folder) (cutover.Folder, bool, error) {
	return s.find(ctx, want)
}

// EnsureFolder finds the file or makes an empty one.
func (s *Store) EnsureFolder(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	f, exists, err := s.find(ctx, want)
	if err != nil || exists {
		return f, err
	}
	base := url.PathEscape(f.Path[1])
	if strings.HasPrefix(base, ".") {
		base = "%2E" + base[1:]
	}
	f.Name = base + extensions[f.Kind]
	if err := writeFile(filepath.Join(s.o.Dir, f.Name), nil); err != nil {
		return f, fmt.Errorf("making %s: %w", f.Path, err)
	}
	f, exists, err = s.find(ctx, cutover.Folder{Kind: f.Kind, Path: f.Path})
	if err == nil && !exists {
		err = errors.New("it was made and is not listed")
	}
	return f, err
}
