package testserver

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of the store's own methods.
var (
	ErrNoUser    = errors.New("no such user")
	ErrNoFolder  = errors.New("no such folder")
	ErrExists    = errors.New("folder exists already")
	ErrNoMessage = errors.New("no such message")
)

const delimiter = "/"

// account is one user's mail. mu guards everything below it, folders and messages included, except what never changes.
type account struct {
	name, password string
	token          string

	mu           sync.Mutex
	folders      map[string]*folder
	nextValidity uint32
	sessions     int
}

type folder struct {
	path, use  string
	subscribed bool
	validity   uint32
	uidNext    uint32
	messages   []*message // by UID, ascending
	modseq     uint64     // of the last change
	expunged   uint64     // how many messages have ever gone
	changed    chan struct{}
}

type message struct {
	uid      uint32
	data     []byte // never changes
	internal time.Time

	flags  []string
	modseq uint64
	gone   bool

	parse  sync.Once
	header searchHeader
}

func newAccount(name, password string) *account {
	a := &account{name: name, password: password, folders: make(map[string]*folder)}
	_, _ = a.create("INBOX", "") // cannot exist yet
	return a
}

// canonical maps the many spellings of INBOX to one (RFC 3501 §5.1) and drops a trailing delimiter.
func canonical(path string) string {
	path = strings.TrimSuffix(path, delimiter)
	if strings.EqualFold(path, "INBOX") {
		return "INBOX"
	}
	if len(path) > 6 && strings.EqualFold(path[:6], "INBOX/") {
		return "INBOX/" + path[6:]
	}
	return path
}

func (a *account) create(path, use string) (*folder, error) {
	path = canonical(path)
	if a.folders[path] != nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, path)
	}
	a.nextValidity++
	f := &folder{path: path, use: use, validity: a.nextValidity, uidNext: 1, modseq: 1, changed: make(chan struct{})}
	a.folders[path] = f
	return f, nil
}

func (a *account) folder(path string) (*folder, error) {
	f := a.folders[canonical(path)]
	if f == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoFolder, path)
	}
	return f, nil
}

// rename moves a folder and all below it (RFC 3501 §6.3.5).
func (a *account) rename(from, to string) error {
	from, to = canonical(from), canonical(to)
	if _, err := a.folder(from); err != nil {
		return err
	}
	if a.folders[to] != nil {
		return fmt.Errorf("%w: %s", ErrExists, to)
	}
	for _, f := range a.sorted() {
		rest, below := strings.CutPrefix(f.path, from)
		if !below || rest != "" && !strings.HasPrefix(rest, delimiter) {
			continue
		}
		delete(a.folders, f.path)
		f.path = to + rest
		a.folders[f.path] = f
	}
	return nil
}

func (a *account) remove(path string) error {
	f, err := a.folder(path)
	if err != nil {
		return err
	}
	delete(a.folders, f.path)
	f.expunge(func(*message) bool { return true })
	return nil
}

// sorted returns the folders by path, INBOX first.
func (a *account) sorted() []*folder {
	list := make([]*folder, 0, len(a.folders))
	for _, f := range a.folders {
		list = append(list, f)
	}
	slices.SortFunc(list, func(x, y *folder) int {
		if (x.path == "INBOX") != (y.path == "INBOX") {
			if x.path == "INBOX" {
				return -1
			}
			return 1
		}
		return strings.Compare(x.path, y.path)
	})
	return list
}

// add stores data, which it keeps: the caller must not change it afterwards.
func (f *folder) add(data []byte, flags []string, internal time.Time) *message {
	f.modseq++
	m := &message{uid: f.uidNext, data: data, internal: internal, flags: cleanFlags(flags), modseq: f.modseq}
	f.uidNext++
	f.messages = append(f.messages, m)
	f.touch()
	return m
}

// setFlags replaces the flags of a message.
func (f *folder) setFlags(m *message, flags []string) {
	f.modseq++
	m.flags, m.modseq = cleanFlags(flags), f.modseq
	f.touch()
}

// expunge takes out the messages that match and returns their number.
func (f *folder) expunge(match func(*message) bool) int {
	before := len(f.messages)
	kept := make([]*message, 0, before)
	for _, m := range f.messages {
		if m.gone = match(m); !m.gone {
			kept = append(kept, m)
		}
	}
	n := before - len(kept)
	if n > 0 {
		f.messages = kept
		f.modseq++
		f.expunged += uint64(n)
		f.touch()
	}
	return n
}

func (f *folder) find(uid uint32) (*message, error) {
	i, found := slices.BinarySearchFunc(f.messages, uid, func(m *message, uid uint32) int { return int(int64(m.uid) - int64(uid)) })
	if !found {
		return nil, fmt.Errorf("%w: %s UID %d", ErrNoMessage, f.path, uid)
	}
	return f.messages[i], nil
}

// sameBytes finds a message of equal content.
func (f *folder) sameBytes(data []byte) *message {
	for _, m := range f.messages {
		if bytes.Equal(m.data, data) {
			return m
		}
	}
	return nil
}

// touch wakes everybody who waits for a change of the folder.
func (f *folder) touch() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (m *message) has(flag string) bool { return hasFlag(m.flags, flag) }

func hasFlag(flags []string, flag string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

// cleanFlags returns a sorted copy without repetitions and without \Recent, which no client may set. Flags differ by more than case
// (RFC 9051 §2.3.2); the first spelling is kept.
func cleanFlags(flags []string) []string {
	kept := make([]string, 0, len(flags))
	for _, f := range flags {
		if !hasFlag(kept, f) && !strings.EqualFold(f, `\Recent`) {
			kept = append(kept, f)
		}
	}
	slices.Sort(kept)
	return kept
}
