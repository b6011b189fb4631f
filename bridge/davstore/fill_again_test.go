package davstore_test

import (
	"net/http"
	"strings"
	"testing"

	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// A store whose PUT of the whole collection was lost finds the stand-ins when it goes on: the token that it had is forgotten with the collection, which does not mean that the server has no tokens.
func TestTheSameStoreGoesOn(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "goeson", map[string]string{"calendar": "secret", "contacts": "secret"}, "")
	for _, kind := range bothKinds {
		t.Run(string(kind), func(t *testing.T) {
			f := newFiller(t, server, string(kind), kind)
			s := davstore.New(davstore.Options{URL: server.URL, Kinds: []cutover.FolderKind{kind}, Fill: 5, Fresh: -1, Transport: answer{f, 504, true}, Authorize: func(r *http.Request) error { r.SetBasicAuth(f.user, "secret"); return nil }})
			defer s.Close()
			folders, err := s.Folders(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if items, _, err := s.Fills(t.Context(), folders[0]); err != nil || items == 0 {
				t.Fatal(items, err)
			}
			if got, err := f.put(s, folders[0], usual(kind, 10)); err == nil || len(got) != 0 {
				t.Fatalf("%v, %v", got, err)
			}
			got, err := f.put(s, folders[0], usual(kind, 10))
			if err != nil || len(got) != 10 || len(f.lies()) != 10 {
				t.Errorf("%d, %v, %d lie there", len(got), err, len(f.lies()))
			}
			for i, o := range got {
				if o.Err != nil {
					t.Errorf("%d: %v", i, o.Err)
				}
			}
			for name, raw := range f.lies() {
				if strings.Contains(raw, "STANDIN") {
					t.Errorf("%s is a stand-in", name)
				}
			}
			state, err := s.State(t.Context(), folders[0])
			if err != nil || state.Tail == "" {
				t.Errorf("%+v, %v", state, err)
			}
			if _, err := s.Folders(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.likeBefore()
		})
	}
}

// A PUT of a process that died lands while the next one's is under way: the collection keeps its properties.
func TestFillMeetsItself(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "itself", map[string]string{"calendar": "secret", "contacts": "secret"}, "")
	for _, kind := range bothKinds {
		t.Run(string(kind), func(t *testing.T) {
			f := newFiller(t, server, string(kind), kind)
			f.fill = 5
			f.before = func(r *http.Request) error {
				if f.isWhole(r) {
					body, err := r.GetBody()
					if err != nil {
						return err
					}
					first := r.Clone(t.Context())
					first.Body = body
					got, err := http.DefaultTransport.RoundTrip(first)
					if err != nil {
						return err
					}
					got.Body.Close()
					if got.StatusCode != http.StatusCreated {
						t.Errorf("%s", got.Status)
					}
				}
				return nil
			}
			s, folder := f.store()
			got, err := f.put(s, folder, usual(kind, 10))
			if err != nil || len(got) != 10 || len(f.lies()) != 10 {
				t.Errorf("%d, %v, %d lie there", len(got), err, len(f.lies()))
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
