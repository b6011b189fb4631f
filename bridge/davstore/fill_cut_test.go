package davstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"net/http"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger/sqlite"
	"posthouse/test/neighbour"
)

// cutter is a proxy that gives up where so much comes at once: it closes the connection, or says that the server behind it does not answer.
type cutter struct {
	says  int
	tries int
}

func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/") {
		c.tries++
		if c.says == 0 {
			return nil, errors.New("connection reset by peer")
		}
		return &http.Response{StatusCode: c.says, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A way on which no PUT of a collection ever arrives does not keep its items from being put one by one, in whichever process.
func TestFillNeverArrives(t *testing.T) {
	t.Parallel()
	const n = 12
	for i, says := range []int{0, http.StatusBadGateway, http.StatusBadGateway} {
		look := i < 2
		users := map[string]string{"anna": "secret"}
		old, new := neighbour.Radicale(t, fmt.Sprint("cutold", i), users, ""), neighbour.Radicale(t, fmt.Sprint("cutnew", i), users, "")
		fill(t, old.Dir, n)
		l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var collections []*filler
		if look {
			for _, kind := range bothKinds {
				c := &filler{T: t, server: new, user: "anna", kind: kind, name: map[cutover.FolderKind]string{cutover.Calendar: "default", cutover.Contacts: "contacts"}[kind]}
				collections = append(collections, c.make())
			}
		}
		proxy := &cutter{says: says}
		f := &filledBridge{T: t, old: old, new: new, user: "anna", ledger: l, via: proxy}
		for range 8 {
			if err = f.run(nil); err == nil {
				break
			}
		}
		if err != nil || proxy.tries == 0 || proxy.tries > 8 {
			t.Fatalf("%v, %d tries", err, proxy.tries)
		}
		if err := f.run(func(b *bridge.Bridge) {
			if r, err := b.VerifyFully(context.Background(), anna); err != nil || r.Equal != 2*n {
				t.Errorf("%+v, %v", r, err)
			}
		}); err != nil {
			t.Error(err)
		}
		for _, c := range collections {
			c.likeBefore()
		}
	}
}
