package imapstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// numbered is a message that is like no other.
func numbered(n int) string {
	return fmt.Sprintf("Message-ID: <%d.cut@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nSubject: %d\r\n\r\n%s", n, n, strings.Repeat("line\r\n", n*7%900))
}

// throughProxy returns options that lead to a Dovecot by way of a proxy.
func throughProxy(t testing.TB, server *neighbour.Dovecot, o imapstore.Options) (*testserver.Proxy, imapstore.Options) {
	t.Helper()
	proxy := testserver.NewProxy(server.IMAP)
	if err := proxy.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	o.Address = proxy.Addr()
	return proxy, o
}

// TestCutConnections cuts connections to a real server at many points of an upload and of reading back. What was told is true: an item said to be stored is
// there once, one that is unknown is there once or not at all, and whatever was fetched has all its octets.
func TestCutConnections(t *testing.T) {
	server := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "dovecot", Format: "mdbox", Users: people(40)})
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 40 {
		o := options(t, "")
		o.SASL = plainAs(fmt.Sprintf("%s%d", user, round+1))
		o.AppendMax, o.Budget = 7, imapstore.NewBudget(10_000)
		proxy, o := throughProxy(t, server, o)
		store := imapstore.New(o)
		outcomes := putThroughCuts(t, store, proxy, random.Int64N(120_000)+500)
		checkAfterCuts(t, store, proxy, outcomes, random.Int64N(120_000)+9000) // any one body passes
		store.Close()
		proxy.Stop()
	}
}

const cutItems = 60

// putThroughCuts puts the items, those without an outcome again, as if they were known not to be stored, and returns the first outcome of each.
func putThroughCuts(t *testing.T, store bridge.Store, proxy *testserver.Proxy, cut int64) map[int]error {
	t.Helper()
	proxy.Set(testserver.ProxyFaults{CutToServer: cut})
	outcomes := map[int]error{}
	err := store.Put(t.Context(), inbox, func(yield func(bridge.PutItem) bool) {
		for n := range cutItems {
			if !yield(bridge.PutItem{ID: n, Content: octets(numbered(n))}) {
				return
			}
		}
	}, func(o bridge.Outcome) { outcomes[o.ID] = o.Err })
	proxy.Set(testserver.ProxyFaults{})
	proxy.CutAll()
	if err != nil && !errors.Is(err, bridge.ErrConnection) {
		t.Fatalf("put: %v", err)
	}
	if err == nil && len(outcomes) != cutItems {
		t.Fatalf("put says that all is well after %d outcomes", len(outcomes))
	}
	return outcomes
}

func checkAfterCuts(t *testing.T, store bridge.Store, proxy *testserver.Proxy, outcomes map[int]error, cut int64) {
	t.Helper()
	refs := map[string][]cutover.Ref{}
	for item, err := range store.Scan(t.Context(), inbox, "") {
		if err != nil {
			t.Fatal(err)
		}
		refs[item.Identity.MessageID] = append(refs[item.Identity.MessageID], item.Ref)
	}
	want := map[cutover.Ref]string{}
	for n := range cutItems {
		there := refs[fmt.Sprintf("<%d.cut@example.com>", n)]
		err, told := outcomes[n]
		if len(there) > 1 || told && err == nil && len(there) != 1 {
			t.Errorf("item %d, told %v, outcome %v, lies at %v", n, told, err, there)
		}
		for _, ref := range there {
			want[ref] = numbered(n)
		}
	}
	fetchThroughCuts(t, store, proxy, want, cut)
}

// fetchThroughCuts reads everything; each connection breaks after cut octets, so that several are needed.
func fetchThroughCuts(t *testing.T, store bridge.Store, proxy *testserver.Proxy, want map[cutover.Ref]string, cut int64) {
	t.Helper()
	var all []cutover.Ref
	for ref := range want {
		all = append(all, ref)
	}
	slices.Sort(all)
	proxy.Set(testserver.ProxyFaults{CutToClient: cut})
	proxy.CutAll()
	got := map[cutover.Ref]bool{}
	err := store.Fetch(t.Context(), inbox, all, func(one bridge.Fetched) error {
		if one.Err != nil || got[one.Ref] {
			t.Errorf("%s: %v, twice %v", one.Ref, one.Err, got[one.Ref])
			return nil
		}
		got[one.Ref] = true
		if body := bodyOf(t, one.Content); body != want[one.Ref] {
			t.Errorf("%s has %d octets instead of %d", one.Ref, len(body), len(want[one.Ref]))
		}
		return nil
	})
	if err != nil && !errors.Is(err, bridge.ErrConnection) || err == nil && len(got) != len(want) {
		t.Errorf("fetch: %v after %d of %d", err, len(got), len(want))
	}
	proxy.Set(testserver.ProxyFaults{})
}
