package imapstore_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// TestPutSlows: a server that throttles gets nothing more of the Put than what was under way, and no item is in doubt for it.
func TestPutSlows(t *testing.T) {
	busy, unknown := bridge.ErrBusy.Error(), bridge.ErrUnknown.Error()
	for _, c := range []struct {
		dialog string
		want   []string // of the items 1 and 2, which are under way
		err    error
	}{
		{"put-slows", []string{"7/10", busy}, nil},
		{"put-slows-in-doubt", []string{unknown, unknown}, bridge.ErrBusy},
		{"put-untagged", []string{unknown, unknown}, bridge.ErrBusy},
	} {
		t.Run(c.dialog, func(t *testing.T) {
			o := serve(t, c.dialog)
			o.Server, o.AppendMax = "cloud", 2
			store := imapstore.New(o)
			became, err := put(t, store, four()...)
			store.Close()
			var asks *bridge.Busy
			if !errors.Is(err, c.err) || c.err == nil && err != nil || err != nil && (!errors.As(err, &asks) || asks.Wait != time.Second || asks.Server != "cloud" || !errors.Is(err, bridge.ErrConnection)) {
				t.Errorf("put: %v, want %v", err, c.err)
			}
			if !slices.Equal([]string{became[1], became[2]}, c.want) {
				t.Errorf("became %v", became)
			}
			for id := 3; id <= 4; id++ { // told as not put, or not at all, as the Put failed
				if became[id] != busy && (became[id] != "" || c.err == nil) {
					t.Errorf("item %d: %q", id, became[id])
				}
			}
		})
	}
}

// TestAFullMailboxIsNotTriedForEver: of very many items a few are tried, as a smaller one might still fit.
func TestAFullMailboxIsNotTriedForEver(t *testing.T) {
	appends := 0
	server := startServer(t, testserver.IMAPConfig{Without: []string{"MULTIAPPEND"}, Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if call.Command != "APPEND" || call.Stage != testserver.Before {
			return nil
		}
		appends++
		return &testserver.IMAPFault{Code: "OVERQUOTA", Text: "Quota exceeded (mailbox for user is full)"}
	}})
	o := options(t, server.Addr())
	o.Lanes, o.AppendMax = 1, 5
	store := imapstore.New(o)
	var items []bridge.PutItem
	for n := range 200 {
		items = append(items, bridge.PutItem{ID: n + 1, Content: octets(numbered(n))})
	}
	became, err := put(t, store, items...)
	store.Close()
	if err != nil || len(became) != len(items) {
		t.Fatalf("%d outcomes, %v", len(became), err)
	}
	for id, what := range became {
		if what != bridge.ErrBusy.Error() {
			t.Errorf("item %d: %s", id, what)
		}
	}
	if appends > 20 {
		t.Errorf("%d items were sent", appends)
	}
}

// TestThrottledByBye: a server that hangs up over its limits is not asked again over a new connection.
func TestThrottledByBye(t *testing.T) {
	store := imapstore.New(serve(t, "bye-throttled"))
	defer store.Close()
	if _, err := store.Folders(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := store.Next(t.Context(), inbox, "")
	var asks *bridge.Busy
	if !errors.As(err, &asks) || asks.Kind != bridge.Throttled || asks.Wait != 299892*time.Millisecond || asks.Said != "BYE Request is throttled. Suggested Backoff Time: 299892 milliseconds" {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, bridge.ErrConnection) {
		t.Errorf("%v does not say that the connection is lost", err)
	}
}

// TestFetchThrottledByBye: nothing is blamed on the messages that did not come, and they are not asked for again now.
func TestFetchThrottledByBye(t *testing.T) {
	store := imapstore.New(serve(t, "fetch-throttled"))
	defer store.Close()
	told := map[cutover.Ref]string{}
	err := store.Fetch(t.Context(), inbox, []cutover.Ref{"1", "2", "3"}, func(got bridge.Fetched) error {
		told[got.Ref] = bodyOf(t, got.Content)
		return nil
	})
	if !errors.Is(err, bridge.ErrBusy) || len(told) > 1 {
		t.Errorf("%v, %v", told, err)
	}
}

// adapting hears of servers with too many connections.
type adapting struct {
	imapstore.Limiter
	heard int
}

func (a *adapting) Crowded() { a.heard++ }

// TestCrowded: a server that takes no second connection is worked with over one, and the limiter hears of it.
func TestCrowded(t *testing.T) {
	refused := 0
	var server *testserver.IMAP
	server = startServer(t, testserver.IMAPConfig{Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if call.Command != "AUTHENTICATE" || call.Stage != testserver.Before || server.Sessions(user) == 0 {
			return nil
		}
		refused++
		return &testserver.IMAPFault{Code: "ALERT", Text: "Too many simultaneous connections. (Failure)"}
	}})
	limit := &adapting{Limiter: imapstore.NewLimiter(10)}
	o := options(t, server.Addr())
	o.Limit, o.Lanes = limit, 1
	store := imapstore.New(o)
	defer store.Close()
	became, err := put(t, store, four()...)
	if err != nil || became[4] == "" || refused == 0 || limit.heard != refused {
		t.Errorf("%v, %v; %d connections refused, the limiter heard of %d", became, err, refused, limit.heard)
	}
	if n, _ := server.Count(user, "INBOX"); n != 4 {
		t.Errorf("%d items stored", n)
	}
}
