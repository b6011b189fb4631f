package imapstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// put puts the items and says of each what became of it: where it lies, "stored", or a sentinel of the seam.
func put(t *testing.T, store bridge.Store, items ...bridge.PutItem) (became map[int]string, err error) {
	t.Helper()
	became = map[int]string{}
	err = store.Put(t.Context(), inbox, slices.Values(items), func(o bridge.Outcome) {
		if became[o.ID] != "" {
			t.Errorf("outcome of %d was told twice", o.ID)
		}
		became[o.ID] = said(o)
	})
	return became, err
}

func said(o bridge.Outcome) string {
	for _, kind := range []error{bridge.ErrRefused, bridge.ErrBusy, bridge.ErrUnknown} {
		if errors.Is(o.Err, kind) {
			return kind.Error()
		}
	}
	switch {
	case o.Err != nil:
		return o.Err.Error()
	case o.Place.Ref == "":
		return "stored"
	}
	return o.Place.Validity + "/" + string(o.Place.Ref)
}

// four are the items of the dialogs.
func four() []bridge.PutItem {
	zone := time.FixedZone("", 3600)
	items := make([]bridge.PutItem, 4)
	for i := range items {
		items[i] = bridge.PutItem{ID: i + 1, Content: octets(fmt.Sprintf("m%d\r\n", i+1))}
	}
	items[0].Flags = cutover.NewFlags(`\Seen`, "Work", `\Recent`)
	items[0].Date = time.Date(2026, 11, 2, 10, 0, 0, 0, zone)
	items[1].Date = time.Date(2026, 11, 3, 10, 0, 0, 0, zone)
	return items
}

// TestPutHostile: what becomes of four items, and of the Put, when the server does what the dialog says.
func TestPutHostile(t *testing.T) {
	refused, busy, unknown := bridge.ErrRefused.Error(), bridge.ErrBusy.Error(), bridge.ErrUnknown.Error()
	all := func(what string) []string { return []string{what, what, what, what} }
	cases := []struct {
		dialog string
		want   []string
		err    error
	}{
		{"put-bisect", []string{"7/10", "7/11", refused, "7/12"}, nil},
		{"put-throttled", all(busy), nil},
		{"put-trycreate", all(busy), nil},
		{"put-lost", all(unknown), bridge.ErrConnection},
		{"put-bye", all(unknown), bridge.ErrConnection},
		{"put-stranger", all(unknown), bridge.ErrConnection},
		{"put-confused", all(unknown), bridge.ErrConnection},
		{"put-fewer-places", all("stored"), nil},
		{"put-sync", []string{"7/10", refused, "7/11", "stored"}, nil},
		{"put-leave-refused", []string{refused, "7/10", "7/11", "7/12"}, nil},
		{"put-sync-multi", []string{"7/10", refused, "7/11", "7/12"}, nil},
	}
	for _, c := range cases {
		t.Run(c.dialog, func(t *testing.T) {
			store := imapstore.New(serve(t, c.dialog))
			defer store.Close()
			became, err := put(t, store, four()...)
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("put: %v, want %v", err, c.err)
			}
			for i, want := range c.want {
				if became[i+1] != want {
					t.Errorf("item %d: %q, want %q", i+1, became[i+1], want)
				}
			}
			if c.dialog == "put-bye" && !strings.Contains(text(err), "maintenance") {
				t.Errorf("the error %v does not say what the server said", err)
			}
		})
	}
}

// TestPutEarlyRefusal: a server that refuses a large item while it is still being sent. Nothing more goes over that connection; the other items go over
// another, and none is lost or in doubt.
func TestPutEarlyRefusal(t *testing.T) {
	o := serve(t, "put-early")
	o.AppendMax = 1
	store := imapstore.New(o)
	defer store.Close()
	items := four()[:3]
	items[1].Content = octets(strings.Repeat("a large message\r\n", 32<<20/17))
	became, err := put(t, store, items...)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{1: "7/10", 2: bridge.ErrRefused.Error(), 3: "7/11"}
	for id, w := range want {
		if became[id] != w {
			t.Errorf("item %d: %q, want %q", id, became[id], w)
		}
	}
}

// TestPutLostReply: the item is stored and the answer never comes; the next Put works.
func TestPutLostReply(t *testing.T) {
	var lose atomic.Bool
	server := startServer(t, testserver.IMAPConfig{Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if call.Command == "APPEND" && call.Stage == testserver.After && lose.Swap(false) {
			return &testserver.IMAPFault{Drop: true}
		}
		return nil
	}})
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	lose.Store(true)
	became, err := put(t, store, four()[0])
	if !errors.Is(err, bridge.ErrConnection) || became[1] != bridge.ErrUnknown.Error() {
		t.Fatalf("put: %v, %v", became, err)
	}
	if n, _ := server.Count(user, "INBOX"); n != 1 {
		t.Fatalf("%d items stored", n)
	}
	if became, err = put(t, store, four()[1]); err != nil || became[2] == "" {
		t.Errorf("the next put: %v, %v", became, err)
	}
}

// counted counts how many connections there are at one time.
type counted struct {
	imapstore.Limiter
	now, most atomic.Int32
	enough    int32
	once      sync.Once
	reached   chan struct{} // closed when there are enough
}

func (c *counted) TryAcquire() bool {
	if !c.Limiter.TryAcquire() {
		return false
	}
	n := c.now.Add(1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	if n == c.enough {
		c.once.Do(func() { close(c.reached) })
	}
	return true
}

func (c *counted) Release() {
	c.now.Add(-1)
	c.Limiter.Release()
}

// TestPutOverSeveralConnections: many messages go to a server that takes one at a time over several connections, each once; where there is room for one only, over that.
func TestPutOverSeveralConnections(t *testing.T) {
	for room, want := range map[int]int32{10: 4, 2: 1} {
		server := startServer(t, testserver.IMAPConfig{})
		o := options(t, server.Addr())
		limit := &counted{Limiter: imapstore.NewLimiter(room), enough: want + 1, reached: make(chan struct{})} // one is for control
		o.Limit = limit
		store := imapstore.New(o)
		defer store.Close()
		var items []bridge.PutItem
		for n := range 400 {
			items = append(items, bridge.PutItem{ID: n, Date: four()[0].Date, Content: octets(fmt.Sprintf("Message-ID: <%d@x.example>\r\n\r\nhello\r\n", n))})
		}
		told := 0
		err := store.Put(t.Context(), inbox, func(yield func(bridge.PutItem) bool) {
			for n, item := range items {
				if n == 300 { // a quick connection alone must not have done everything before the others are there
					select {
					case <-limit.reached:
					case <-time.After(time.Minute):
					}
				}
				if !yield(item) {
					return
				}
			}
		}, func(bridge.Outcome) { told++ })
		if err != nil || told != 400 {
			t.Fatalf("room for %d: %d outcomes, %v", room, told, err)
		}
		dump, err := server.Dump(user)
		if err != nil {
			t.Fatal(err)
		}
		bodies := map[[32]byte]bool{}
		for _, m := range dump[0].Messages {
			bodies[m.SHA256] = true
		}
		if len(dump[0].Messages) != 400 || len(bodies) != 400 {
			t.Errorf("room for %d: %d messages, %d different ones", room, len(dump[0].Messages), len(bodies))
		}
		if puts := limit.most.Load() - 1; puts < want || room == 2 && puts > 1 {
			t.Errorf("room for %d: %d connections put, want %d", room, puts, want)
		}
	}
}

// TestPutEndsWhileTheSequenceWaits: the connection breaks while the caller has nothing more to give yet, and waits to hear of what it gave.
func TestPutEndsWhileTheSequenceWaits(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if call.Command == "APPEND" && call.Stage == testserver.After {
			return &testserver.IMAPFault{Drop: true}
		}
		return nil
	}})
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan struct{})
	defer close(waiting)
	ended := make(chan error, 1)
	go func() {
		ended <- store.Put(t.Context(), folders[0], func(yield func(bridge.PutItem) bool) {
			if yield(four()[0]) {
				<-waiting
			}
		}, func(bridge.Outcome) {})
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, bridge.ErrConnection) {
			t.Errorf("put: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Put waits for the sequence, which waits for Put")
	}
}

// TestPutRefusals: what servers of clouds refuse.
func TestPutRefusals(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{AppendLimit: 100, NoKeywords: true, Without: []string{"LITERAL+", "LITERAL-"}})
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	items := four()[:3]
	items[1].Content = octets(strings.Repeat("x", 101))
	became, err := put(t, store, items...)
	if err != nil || became[1] == "" || became[2] != bridge.ErrRefused.Error() || became[3] == "" {
		t.Fatalf("put: %v, %v", became, err)
	}
	dump, err := server.Dump(user)
	if err != nil || len(dump[0].Messages) != 2 || !slices.Equal(dump[0].Messages[0].Flags, []string{`\Seen`}) {
		t.Errorf("stored %+v, %v", dump, err)
	}
}

// A Put whose context has ended already leaves the connection of the last one where Close finds it.
func TestPutThatNeverBeganLeaksNothing(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{})
	store := imapstore.New(options(t, server.Addr()))
	if _, err := put(t, store, bridge.PutItem{ID: 1, Content: octets("m\r\n")}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	one := slices.Values([]bridge.PutItem{{ID: 1, Content: octets("m\r\n")}})
	if err := store.Put(ended, inbox, one, func(bridge.Outcome) {}); err == nil {
		t.Error("a Put in a context that ended put")
	}
	store.Close()
	for tries := 0; server.Sessions(user) > 0; tries++ {
		if runtime.Gosched(); tries > 1e6 {
			t.Fatalf("%d connections are still open", server.Sessions(user))
		}
	}
}
