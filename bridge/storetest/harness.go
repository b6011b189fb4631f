package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
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

// Message is a message to deliver.
type Message struct {
	Raw   []byte
	Flags cutover.Flags
	Date  time.Time
}

// Habits are what the suite must know of a server.
type Habits struct {
	Batch     int    // the batch size that stores are opened with; at most 20
	Separator string // a character that folder names cannot hold; "" if there is none
	Hints     bool   // Wait is supported
	Places    bool   // outcomes tell the place
	Keywords  bool   // flags beyond the system's are kept
	Flags     bool   // Next tells of changed flags at once
	Zones     bool   // dates keep their zone; the instant is always kept
	Search    bool   // Search does better than to yield everything
}

// Run runs the suite; fresh makes an empty mailbox with an INBOX for each test.
func Run(t *testing.T, h Habits, fresh func(t *testing.T) Mailbox) {
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
		{"renewed folder", (*suite).renewed, true},
		{"gone folder", (*suite).goneFolder, true},
		{"bodies", (*suite).bodies, true},
		{"gone bodies", (*suite).goneBodies, true},
		{"stopped fetch", (*suite).stoppedFetch, true},
		{"wait", (*suite).wait, h.Hints},
		{"put", (*suite).put, true},
		{"put many", (*suite).putMany, true},
		{"put one after another", (*suite).putInStep, true},
		{"put nothing", (*suite).putNothing, true},
		{"put bad content", (*suite).putBadContent, true},
		{"put at tail", (*suite).tail, true},
		{"folders by role", (*suite).foldersByRole, true},
		{"folders by path", (*suite).foldersByPath, true},
		{"refused name", (*suite).refusedName, true},
		{"separator in a name", (*suite).separatorInName, h.Separator != ""},
		{"scan", (*suite).scan, true},
		{"search", (*suite).search, true},
		{"flags", (*suite).flags, true},
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
const limit = 60 * time.Second

func newSuite(t *testing.T, h Habits, box Mailbox) *suite {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	s := &suite{T: t, Habits: h, box: box, ctx: ctx}
	s.store = s.open()
	s.inbox = s.folder(cutover.FolderPath{"INBOX"})
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

// message returns the nth message of the suite: all are different, with a date of their own.
func message(n int) Message {
	raw := fmt.Sprintf("Message-ID: <%d.suite@example.com>\r\nDate: %s\r\nFrom: Anna <anna@example.com>\r\nTo: bob@example.com\r\nSubject: message %d\r\n\r\nbody %d\r\n",
		n, day(n).Format(time.RFC1123Z), n, n)
	return Message{Raw: []byte(raw), Date: day(n)}
}

// day is an instant in a zone with half an hour in it.
func day(n int) time.Time {
	return time.Date(2019, 3, 1+n%28, 11, n%60, 30, 0, time.FixedZone("", 5*3600+1800))
}

func identity(n int) cutover.Identity { return cutover.IdentityOf(message(n).Raw) }

// deliver adds the messages first..last to the INBOX.
func (s *suite) deliver(first, last int) {
	for n := first; n <= last; n++ {
		s.box.Deliver(s.T, s.inbox.Path, message(n))
	}
}

// which tells the number of a message of the suite by its identity.
func (s *suite) which(item cutover.Item, highest int) int {
	s.Helper()
	for n := 1; n <= highest; n++ {
		if id := identity(n); id.Key == item.Identity.Key && id.Loose == item.Identity.Loose {
			return n
		}
	}
	s.Fatalf("item %+v is none of the messages delivered", item)
	return 0
}

// content is a body in memory; claimed, if set, is a size that it does not have.
type content struct {
	raw     []byte
	claimed int64
}

func (c content) Size() int64 {
	if c.claimed != 0 {
		return c.claimed
	}
	return int64(len(c.raw))
}
func (c content) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.raw)), nil }
func (c content) Close() error                 { return nil }

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
	return refs
}

// odd are bodies that try what carries them.
func odd() map[string][]byte {
	head := "Message-ID: <odd@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nFrom: a@example.com\r\n"
	big := strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123456789\r\n", 1)
	return map[string][]byte{
		"plain":         []byte(head + "\r\nhello\r\n"),
		"no final EOL":  []byte(head + "\r\nhello"),
		"no body":       []byte(head + "\r\n"),
		"literals":      []byte(head + "\r\n{5}\r\nhello {3+}\r\n)\r\n* OK\r\nA1 OK done\r\n"),
		"dots":          []byte(head + "\r\n.\r\n..\r\n. .\r\n"),
		"8 bit":         []byte(head + "Subject: Gr\xfc\xdfe\r\n\r\n\xff\xfe\x80 caf\xc3\xa9\r\n"),
		"empty lines":   []byte(head + "\r\n\r\n\r\n\r\n"),
		"long line":     []byte(head + "\r\n" + strings.Repeat("x", 100_000) + "\r\n"),
		"folded header": []byte("Message-ID:\r\n <odd.folded@example.com>\r\n" + "From: a@example.com\r\nX-Folded: a\r\n\tb\r\n c\r\n\r\nx\r\n"),
		"300 KiB":       []byte(head + "\r\n" + strings.Repeat(big, 300<<10/len(big))),
		"3 MiB":         []byte(head + "\r\n" + strings.Repeat(big, 3<<20/len(big))),
	}
}
