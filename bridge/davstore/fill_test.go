package davstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// look is what a collection is like for its owner.
const look = `{"tag": "%s", "D:displayname": "Anna, B; & <C>", "ICAL:calendar-color": "#ff0000ff", "{http://example.com/}odd": "two\r\nlines", "C:supported-calendar-component-set": "VEVENT,VTODO", "C:calendar-description": "said"}`

// filler is one user's collection on a Radicale, and what another program does to it while it is filled.
type filler struct {
	*testing.T
	server *neighbour.DAV
	user   string
	name   string // the collection's
	kind   cutover.FolderKind
	fill   int
	gather time.Duration
	now    time.Time

	// before and after are called around each request; an error is what the client gets.
	before, after func(r *http.Request) error
	mu            sync.Mutex
	whole         int // PUTs on the collection itself
}

func newFiller(t *testing.T, server *neighbour.DAV, user string, kind cutover.FolderKind) *filler {
	t.Helper()
	return (&filler{T: t, server: server, user: user, name: "default", kind: kind}).make()
}

// make makes the collection.
func (f *filler) make() *filler {
	f.Helper()
	if err := os.MkdirAll(f.dir(), 0o700); err != nil {
		f.Fatal(err)
	}
	put(f, filepath.Join(f.dir(), ".Radicale.props"), fmt.Appendf(nil, look, map[cutover.FolderKind]string{cutover.Calendar: "VCALENDAR", cutover.Contacts: "VADDRESSBOOK"}[f.kind]))
	return f
}

func (f *filler) dir() string {
	return filepath.Join(f.server.Dir, "collections", "collection-root", f.user, f.name)
}

func (f *filler) at() string { return f.server.URL + f.user + "/" + f.name + "/" }

func (f *filler) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	if f.isWhole(r) {
		f.whole++
	}
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(r); err != nil {
			return nil, err
		}
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && f.after != nil {
		if err := f.after(r); err != nil {
			got.Body.Close()
			return nil, err
		}
	}
	return got, err
}

func (f *filler) isWhole(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/")
}

func (f *filler) isMember(r *http.Request) bool {
	return r.Method == http.MethodPut && !strings.HasSuffix(r.URL.Path, "/")
}

// killed ends the client as soon as the whole collection was put.
func (f *filler) killed(r *http.Request) error {
	if f.isWhole(r) {
		return errors.New("killed")
	}
	return nil
}

func (f *filler) store() (*davstore.Store, cutover.Folder) {
	f.Helper()
	s := davstore.New(davstore.Options{
		URL: f.server.URL, Kinds: []cutover.FolderKind{f.kind}, Fill: f.fill, Gather: f.gather, Transport: f, Fresh: -1, Now: func() time.Time {
			if f.now.IsZero() {
				return time.Now()
			}
			return f.now
		},
		Authorize: func(r *http.Request) error { r.SetBasicAuth(f.user, "secret"); return nil },
	})
	f.Cleanup(func() { s.Close() })
	folders, err := s.Folders(f.Context())
	if err != nil || len(folders) == 0 {
		f.Fatalf("%v, %v", folders, err)
	}
	if _, err := s.State(f.Context(), folders[0]); err != nil {
		f.Fatal(err)
	}
	return s, folders[0]
}

// put puts all at once and returns the outcomes.
func (f *filler) put(s *davstore.Store, folder cutover.Folder, all [][]byte) (map[int]bridge.Outcome, error) {
	f.Helper()
	outcomes := map[int]bridge.Outcome{}
	err := s.Put(f.Context(), folder, func(yield func(bridge.PutItem) bool) {
		for i, raw := range all {
			if !yield(bridge.PutItem{ID: i, Content: octets(raw)}) {
				return
			}
		}
	}, func(o bridge.Outcome) {
		if _, twice := outcomes[o.ID]; twice {
			f.Errorf("%d has two outcomes", o.ID)
		}
		outcomes[o.ID] = o
	})
	return outcomes, err
}

type octets []byte

func (o octets) Size() int64                  { return int64(len(o)) }
func (o octets) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(o))), nil }
func (o octets) Close() error                 { return nil }

// lies is what the server has, by name.
func (f *filler) lies() map[string]string {
	f.Helper()
	entries, err := os.ReadDir(f.dir())
	if err != nil {
		f.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".Radicale") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(f.dir(), e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		all[e.Name()] = string(raw)
	}
	return all
}

// texts are the sorted texts of what lies there, but for the one of two that share a UID, of which any may be there.
func (f *filler) texts() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Values(f.lies())), func(raw string) bool { return strings.Contains(raw, "UID:twice\r") })
}

// props are a folder's properties as the server keeps them.
func (f *filler) props(dir string) map[string]string {
	f.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ".Radicale.props"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Fatal(err)
	}
	found := map[string]string{}
	if err == nil {
		if err := json.Unmarshal(raw, &found); err != nil {
			f.Fatal(err)
		}
	}
	return found
}

// likeBefore demands that the collection looks as it did, and that the home keeps nothing of it.
func (f *filler) likeBefore() {
	f.Helper()
	var want map[string]string
	tag := map[cutover.FolderKind]string{cutover.Calendar: "VCALENDAR", cutover.Contacts: "VADDRESSBOOK"}[f.kind]
	if err := json.Unmarshal(fmt.Appendf(nil, look, tag), &want); err != nil {
		f.Fatal(err)
	}
	if got := f.props(f.dir()); !reflect.DeepEqual(got, want) {
		f.Errorf("properties are %q, want %q", got, want)
	}
	if got := f.props(filepath.Dir(f.dir())); len(got) != 0 {
		f.Errorf("the home keeps %q", got)
	}
}

// usual are items of which real collections are full.
func usual(kind cutover.FolderKind, n int) (all [][]byte) {
	for i := range n {
		if kind == cutover.Contacts {
			all = append(all, person(fmt.Sprint("urn:uuid:", i), "EMAIL;TYPE=WORK:a@example.com", "NOTE:Grüße\\, 日本語 "+strings.Repeat("x", i%50), "PHOTO;ENCODING=b;TYPE=JPEG:aGVsbG8=", "X-ODD;A=b:c"))
		} else {
			all = append(all, varied(i))
		}
	}
	return all
}

// odd are others: what no server takes, what servers take as they like, and what cannot go together with others.
func odd(kind cutover.FolderKind) [][]byte {
	if kind == cutover.Contacts {
		return [][]byte{
			[]byte("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:nameless\r\nEND:VCARD\r\n"), person(""), person("twice", "NOTE:1"), person("twice", "NOTE:2"), person("a b/c;d"), person("0123456789abcdef0123456789abcdef"),
			person("photo", "PHOTO;ENCODING=b:not base64"), person("quoted", "NOTE;ENCODING=QUOTED-PRINTABLE:a=3D=", " b"), person("broken", "no line"), person("latin", "NOTE:\xe9"), person("nul", "NOTE:\x01"),
			[]byte("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:open\r\nFN:x\r\nN:x;;;;\r\n"), []byte("BEGIN:VCARD\nVERSION:3.0\nUID:lf\nFN:x\nN:x;;;;\nEND:VCARD\n"), person("grouped", "item1.TEL:1", "item1.X-ABLabel:x"),
			person("fold", "NOTE:"+strings.Repeat("z", 60)+"\r\n "+strings.Repeat("ü", 40)), person("four", "VERSION:4.0"), person("altered", "TEL;type=CELL;type=VOICE;type=pref:1", "NOTE:a\\:b", "ADR:;;x"), person("x.vcf"), person(".hidden"), person("tilde~"),
		}
	}
	return [][]byte{
		meeting(""), meeting("twice", "SUMMARY:1"), meeting("twice", "SUMMARY:2"), meeting("a b/c\\;d"), meeting("0123456789abcdef0123456789abcdef"), meeting("latin", "SUMMARY:\xe9"), meeting("broken", "no line"),
		meeting("rule", "RRULE:FREQ=NEVER"), meeting("one", "END:VEVENT", "BEGIN:VEVENT", "UID:two", "DTSTAMP:20260101T000000Z", "DTSTART:20300101T100000Z"), meeting("open", "BEGIN:VALARM"), meeting("x.ics"), meeting(".hidden"), meeting("tilde~"),
		[]byte(strings.Replace(string(meeting("beside")), "BEGIN:VEVENT", "X-WR-CALNAME:another\r\nX-BESIDE:kept\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT", 1)), []byte(strings.ReplaceAll(string(meeting("task", "STATUS:COMPLETED")), "VEVENT", "VTODO")),
		[]byte(strings.ReplaceAll(string(meeting("diary", "SUMMARY:dear")), "VEVENT", "VJOURNAL")), []byte(strings.Replace(string(varied(3)), "event-3", "zone", 1)), []byte(strings.ReplaceAll(strings.Replace(string(varied(3)), "event-3", "otherzone", 1), "+0200", "+0500")),
		[]byte("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:lf\nDTSTAMP:20260101T000000Z\nDTSTART:20300101T100000Z\nEND:VEVENT\nEND:VCALENDAR\n"),
	}
}

var bothKinds = []cutover.FolderKind{cutover.Calendar, cutover.Contacts}

// What is filled at once is in the end what it would be if it had been put item by item, octet by octet, and each item's outcome is where it lies and in which version.
func TestFilledAtOnce(t *testing.T) {
	t.Parallel()
	users := map[string]string{"calendar": "secret", "contacts": "secret"}
	first, second := neighbour.Radicale(t, "atonce", users, ""), neighbour.Radicale(t, "singly", users, "")
	for _, kind := range bothKinds {
		t.Run(string(kind), func(t *testing.T) {
			all := append(usual(kind, 120), odd(kind)...)
			a, b := newFiller(t, first, string(kind), kind), newFiller(t, second, string(kind), kind)
			b.fill = -1
			s, folder := a.store()
			if items, octets, err := s.Fills(t.Context(), folder); err != nil || items < 1000 || octets < 1<<20 {
				t.Errorf("fills %d items, %d octets, %v", items, octets, err)
			}
			filled, err := a.put(s, folder, all)
			if err != nil || a.whole != 1 {
				t.Fatalf("%v; %d PUTs on the collection", err, a.whole)
			}
			a.likeBefore()
			if items, _, err := s.Fills(t.Context(), folder); err != nil || items != 0 {
				t.Errorf("fills %d items of a collection that is not empty, %v", items, err)
			}
			single, folderB := b.store()
			singly, err := b.put(single, folderB, all)
			if err != nil || b.whole != 0 {
				t.Fatalf("%v; %d PUTs on the collection", err, b.whole)
			}
			if got, want := a.texts(), b.texts(); !slices.Equal(got, want) {
				t.Errorf("%d lie there, want %d", len(got), len(want))
				for _, raw := range got {
					if !slices.Contains(want, raw) {
						t.Errorf("and %q", raw)
					}
				}
			}
			versions := map[string]string{}
			fresh, folder := a.store()
			for item, err := range fresh.Scan(t.Context(), folder, "") {
				if err != nil {
					t.Fatal(err)
				}
				versions[string(item.Ref)] = item.Version
			}
			one := 0 // of those that share a UID any may be first
			for i := range all {
				x, y := filled[i], singly[i]
				if strings.Contains(string(all[i]), "UID:twice") {
					if x.Err == nil {
						one++
					}
					continue
				}
				if (x.Err == nil) != (y.Err == nil) || errors.Is(x.Err, bridge.ErrRefused) != errors.Is(y.Err, bridge.ErrRefused) {
					t.Errorf("%q: %v, and alone %v", all[i], x.Err, y.Err)
				}
				if x.Err == nil && (x.Version == "" || versions[string(x.Place.Ref)] != x.Version) {
					t.Errorf("%q lies at %s in version %s, which has %s", all[i], x.Place.Ref, x.Version, versions[string(x.Place.Ref)])
				}
			}
			if one != 1 || len(filled) != len(all) {
				t.Errorf("%d of a UID, %d outcomes", one, len(filled))
			}
		})
	}
}

// Few items are put one by one, and so are those for a collection that holds something.
func TestNotFilled(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "few", map[string]string{"few": "secret", "held": "secret"}, "")
	few := newFiller(t, server, "few", cutover.Calendar)
	s, folder := few.store()
	if got, err := few.put(s, folder, usual(cutover.Calendar, 20)); err != nil || len(got) != 20 || few.whole != 0 {
		t.Errorf("%d, %v, %d PUTs on the collection", len(got), err, few.whole)
	}
	held := newFiller(t, server, "held", cutover.Calendar)
	held.fill = 5
	askAs(t, "held", http.MethodPut, held.at()+"mine.ics", meeting("mine"))
	s, folder = held.store()
	if got, err := held.put(s, folder, usual(cutover.Calendar, 20)); err != nil || len(got) != 20 || held.whole != 0 || len(held.lies()) != 21 {
		t.Errorf("%d, %v, %d PUTs on the collection, %d lie there", len(got), err, held.whole, len(held.lies()))
	}
}

// What another program puts, or changes of the collection, between our look and our PUT survives, and everything arrives beside it.
func TestFillMeetsAnother(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "meets", map[string]string{"calendar": "secret", "contacts": "secret"}, "")
	for _, kind := range bothKinds {
		t.Run(string(kind), func(t *testing.T) {
			f := newFiller(t, server, string(kind), kind)
			f.fill = 5
			once := sync.OnceFunc(func() {
				askAs(t, f.user, http.MethodPut, f.at()+"mine.ics", usual(kind, 100)[99], "Content-Type", mediaTypes[kind])
			})
			f.before = func(r *http.Request) error {
				if f.isWhole(r) {
					once()
				}
				return nil
			}
			s, folder := f.store()
			got, err := f.put(s, folder, usual(kind, 10))
			if err != nil || len(got) != 10 || f.whole != 1 || len(f.lies()) != 11 || f.lies()["mine.ics"] == "" {
				t.Errorf("%d, %v, %d PUTs on the collection, %d lie there", len(got), err, f.whole, len(f.lies()))
			}
			for i, o := range got {
				if o.Err != nil {
					t.Errorf("%d: %v", i, o.Err)
				}
			}
			f.likeBefore()
		})
	}
}

// A sequence that waits for outcomes gets them.
func TestFillWhileTheSequenceWaits(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "waits", map[string]string{"calendar": "secret", "contacts": "secret"}, "")
	for _, kind := range bothKinds {
		f := newFiller(t, server, string(kind), kind)
		f.fill, f.gather = 5, 50*time.Millisecond
		s, folder := f.store()
		all := usual(kind, 20)
		landed := make(chan bridge.Outcome, len(all))
		err := s.Put(t.Context(), folder, func(yield func(bridge.PutItem) bool) {
			for i, raw := range all {
				if i >= 10 {
					<-landed
				}
				if !yield(bridge.PutItem{ID: i, Content: octets(raw)}) {
					return
				}
			}
		}, func(o bridge.Outcome) { landed <- o })
		if err != nil || f.whole != 1 || len(f.lies()) != 20 {
			t.Errorf("%v, %d PUTs on the collection, %d lie there", err, f.whole, len(f.lies()))
		}
	}
	f := newFiller(t, server, "calendar", cutover.Calendar)
	ctx, cancel := context.WithCancel(t.Context())
	s, folder := f.store()
	begun := make(chan struct{})
	go func() { <-begun; cancel() }()
	err := s.Put(ctx, folder, func(yield func(bridge.PutItem) bool) {
		yield(bridge.PutItem{Content: octets(meeting("x"))})
		close(begun)
		<-ctx.Done()
	}, func(bridge.Outcome) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// answer makes the server say something else than it does.
type answer struct {
	*filler
	code  int
	first bool // it does it all the same
}

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	if !a.isWhole(r) {
		return a.filler.RoundTrip(r)
	}
	if a.first {
		got, err := a.filler.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		got.Body.Close()
	}
	return &http.Response{StatusCode: a.code, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// Where the PUT is refused everything goes singly; where nobody knows what came of it, nobody says so.
func TestFillRefused(t *testing.T) {
	t.Parallel()
	users := map[string]string{}
	for n := range 10 {
		users[fmt.Sprint("user", n)] = "secret"
	}
	server := neighbour.Radicale(t, "refuses", users, "")
	n := 0
	for _, kind := range bothKinds {
		for _, c := range []struct {
			code   int
			first  bool
			broken bool
		}{{400, false, false}, {413, false, false}, {500, false, false}, {500, true, true}, {504, true, true}} {
			t.Run(fmt.Sprint(kind, c), func(t *testing.T) {
				f := newFiller(t, server, fmt.Sprint("user", n), kind)
				n++
				s := davstore.New(davstore.Options{URL: server.URL, Kinds: []cutover.FolderKind{kind}, Fill: 5, Transport: answer{f, c.code, c.first}, Authorize: func(r *http.Request) error { r.SetBasicAuth(f.user, "secret"); return nil }})
				defer s.Close()
				folders, err := s.Folders(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.State(t.Context(), folders[0]); err != nil {
					t.Fatal(err)
				}
				got, err := f.put(s, folders[0], usual(kind, 10))
				if c.broken {
					if err == nil || len(got) != 0 {
						t.Errorf("%v, %v", got, err)
					}
					f.store() // whoever looks next
				} else if err != nil || len(got) != 10 || got[0].Err != nil || len(f.lies()) != 10 {
					t.Errorf("%v, %v, %d lie there", got, err, len(f.lies()))
				}
				f.likeBefore()
			})
		}
	}
}

// No other server is given a whole collection.
func TestOthersAreNotFilled(t *testing.T) {
	t.Parallel()
	own := serve(t, testserver.DAVConfig{})
	xandikos := neighbour.Xandikos(t, "others", "anna")
	for name, at := range map[string]string{"own": own.URL(), "Xandikos": xandikos.URL} {
		for _, kind := range bothKinds {
			f := &filler{T: t, kind: kind}
			s := davstore.New(davstore.Options{URL: at, Kinds: []cutover.FolderKind{kind}, Fill: 5, Transport: f, Authorize: func(r *http.Request) error { r.SetBasicAuth("anna", "secret"); return nil }})
			defer s.Close()
			folders, err := s.Folders(t.Context())
			if err != nil || len(folders) == 0 {
				t.Fatal(name, folders, err)
			}
			if n, _, err := s.Fills(t.Context(), folders[0]); err != nil || n != 0 {
				t.Errorf("%s fills %d, %v", name, n, err)
			}
			if got, err := f.put(s, folders[0], usual(kind, 10)); err != nil || len(got) != 10 || f.whole != 0 {
				t.Errorf("%s: %d, %v, %d PUTs on a collection", name, len(got), err, f.whole)
			}
		}
	}
}
