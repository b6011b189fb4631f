package storetest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Mailbox is one mailbox and both its ends: stores that are under test, and a way of changing it that does not go through them.
type Mailbox interface {
	// Open returns a new store. The suite closes it.
	Open(t *testing.T) bridge.Store
	// Deliver adds a message to a folder.
	Deliver(t *testing.T, path cutover.FolderPath, m Message)
	// AddFolder makes a folder.
	AddFolder(t *testing.T, path cutover.FolderPath)
	// SetFlags replaces an item's flags, Remove expunges it.
	SetFlags(t *testing.T, path cutover.FolderPath, ref cutover.Ref, flags ...string)
	Remove(t *testing.T, path cutover.FolderPath, ref cutover.Ref)
	// Renew makes the folder's references invalid and keeps its items (a new UIDVALIDITY).
	Renew(t *testing.T, path cutover.FolderPath)
}

// Habits are what the suite must know of a server.
type Habits struct {
	// Kind of the folders; mail when empty. Calendars and address books have no flags and no dates, and Home is the first of them, which is the default.
	Kind      cutover.FolderKind
	Home      cutover.FolderPath
	Batch     int    // the batch size that stores are opened with; at most 20
	Separator string // a character that folder names cannot hold; "" if there is none
	Hints     bool   // Wait is supported
	Places    bool   // outcomes tell the place
	Keywords  bool   // flags beyond the system's are kept
	Flags     bool   // Next tells of changed flags at once
	Zones     bool   // dates keep their zone; the instant is always kept
	Glances   bool   // a glance tells a quiet folder at once
	Tails     bool   // a scan from a tail yields nothing from before; always so for mail
	Search    bool   // Search does better than to yield everything
	Bare      bool   // objects keep bare line ends
	Rewrites  bool   // objects do not keep their form
	ByArrival bool   // a scan of objects yields the oldest first, and not by name
	Own       bool   // objects are taken and kept in a way of its own, which is not looked at
	NoTokens  bool   // there is nothing that could be forgotten
	// Refuses are further characters that folder names cannot hold.
	Refuses string
	// EndsLines: a last line without an end gets one. ASCIIHeaders: other octets in header fields do not stay as they are.
	EndsLines, ASCIIHeaders bool
}

// Run runs the suite; fresh makes an empty mailbox with an INBOX for each test.
func Run(t *testing.T, h Habits, fresh func(t *testing.T) Mailbox) {
	if h.Kind == "" {
		h.Kind, h.Home, h.Tails = cutover.Mail, cutover.FolderPath{"INBOX"}, true
	}
	tests := []struct {
		name string
		run  func(*suite)
		when bool
	}{
		{"backfill", (*suite).backfill, true},
		{"resume in another store", (*suite).resume, true},
		{"news before old", (*suite).news, true},
		{"read ahead", (*suite).readAhead, true},
		{"read ahead few", (*suite).readAheadFew, true},
		{"changed flags", (*suite).changedFlags, h.Flags},
		{"glance", (*suite).glance, true},
		{"renewed folder", (*suite).renewed, !h.NoTokens},
		{"gone folder", (*suite).goneFolder, true},
		{"bodies", (*suite).bodies, !h.Own},
		{"gone bodies", (*suite).goneBodies, !h.Own},
		{"stopped fetch", (*suite).stoppedFetch, true},
		{"wait", (*suite).wait, h.Hints},
		{"put", (*suite).put, !h.Own},
		{"move", (*suite).move, true},
		{"delete", (*suite).delete, true},
		{"put many", (*suite).putMany, true},
		{"put one after another", (*suite).putInStep, true},
		{"put nothing", (*suite).putNothing, true},
		{"put bad content", (*suite).putBadContent, true},
		{"put at tail", (*suite).tail, true},
		{"folders by role", (*suite).foldersByRole, !h.Kind.Objects()},
		{"default folder", (*suite).defaultFolder, h.Kind.Objects()},
		{"folders by path", (*suite).foldersByPath, true},
		{"folders at once", (*suite).foldersAtOnce, true},
		{"subscriptions", (*suite).subscriptions, true},
		{"refused name", (*suite).refusedName, true},
		{"foreseen folders", (*suite).foreseen, true},
		{"separator in a name", (*suite).separatorInName, h.Separator != ""},
		{"scan", (*suite).scan, true},
		{"search", (*suite).search, !h.Kind.Objects()},
		{"search by UID", (*suite).searchByUID, h.Kind.Objects()},
		{"flags", (*suite).flags, !h.Kind.Objects()},
		{"changed items", (*suite).changedItems, h.Kind.Objects()},
		{"replace", (*suite).replace, h.Kind.Objects()},
		{"put again", (*suite).putAgain, h.Kind.Objects()},
		{"ended context", (*suite).endedContext, true},
		{"closed store", (*suite).closedStore, true},
	}
	for _, test := range tests {
		if test.when {
			t.Run(test.name, func(t *testing.T) { test.run(newSuite(t, h, fresh(t))) })
		}
	}
}

// suite is one test on one mailbox.
type suite struct {
	*testing.T
	Habits
	box   Mailbox
	store bridge.Store
	inbox cutover.Folder
	ctx   context.Context
}

// limit is when a test that hangs fails.
const limit = 5 * time.Minute

func newSuite(t *testing.T, h Habits, box Mailbox) *suite {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	s := &suite{T: t, Habits: h, box: box, ctx: ctx}
	s.store = s.open()
	s.inbox = s.folder(h.Home)
	return s
}

func (s *suite) open() bridge.Store {
	store := s.box.Open(s.T)
	s.Cleanup(func() {
		if err := store.Close(); err != nil {
			s.Errorf("closing: %v", err)
		}
	})
	return store
}

// folder finds a folder by its path.
func (s *suite) folder(path cutover.FolderPath) cutover.Folder {
	s.Helper()
	folders, err := s.store.Folders(s.ctx)
	s.ok(err)
	for _, f := range folders {
		if f.Path.Key() == path.Key() {
			return f
		}
	}
	s.Fatalf("folder %s is not listed among %v", path, folders)
	return cutover.Folder{}
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// deliver adds the messages first..last to the INBOX.
func (s *suite) deliver(first, last int) {
	for n := first; n <= last; n++ {
		s.box.Deliver(s.T, s.inbox.Path, s.message(n))
	}
}

// fetch reads bodies and checks that each reference is told of exactly once, and its size.
func (s *suite) fetch(f cutover.Folder, refs ...cutover.Ref) map[cutover.Ref][]byte {
	s.Helper()
	bodies, errs := s.fetchAll(f, refs...)
	for ref, err := range errs {
		s.Errorf("fetching %s: %v", ref, err)
	}
	return bodies
}

func (s *suite) fetchAll(f cutover.Folder, refs ...cutover.Ref) (bodies map[cutover.Ref][]byte, errs map[cutover.Ref]error) {
	s.Helper()
	bodies, errs = map[cutover.Ref][]byte{}, map[cutover.Ref]error{}
	s.ok(s.store.Fetch(s.ctx, f, refs, func(got bridge.Fetched) error {
		if bodies[got.Ref] != nil || errs[got.Ref] != nil {
			s.Errorf("%s was told of twice", got.Ref)
		}
		if got.Err != nil {
			errs[got.Ref] = got.Err
			return nil
		}
		bodies[got.Ref] = s.readTwice(got.Content)
		return got.Content.Close()
	}))
	if len(bodies)+len(errs) != len(refs) {
		s.Errorf("told of %d bodies and %d errors, asked for %d", len(bodies), len(errs), len(refs))
	}
	return bodies, errs
}

// readTwice reads a content again and again, as a put that has to be repeated does.
func (s *suite) readTwice(c bridge.Content) []byte {
	s.Helper()
	first, second := s.read(c), s.read(c)
	if !bytes.Equal(first, second) || int64(len(first)) != c.Size() {
		s.Errorf("content of %d octets reads as %d, then as %d", c.Size(), len(first), len(second))
	}
	return first
}

func (s *suite) read(c bridge.Content) []byte {
	s.Helper()
	r, err := c.Open()
	s.ok(err)
	defer r.Close()
	raw, err := io.ReadAll(r)
	s.ok(err)
	return raw
}

// refs lists the folder's references by rising order of arrival.
func (s *suite) refs(f cutover.Folder) []cutover.Ref {
	s.Helper()
	var refs []cutover.Ref
	for item, err := range s.store.Scan(s.ctx, f, "") {
		s.ok(err)
		refs = append(refs, item.Ref)
	}
	if s.Kind.Objects() && !s.ByArrival {
		slices.Reverse(refs) // by name, which Deliver gives in falling order
	}
	return refs
}
