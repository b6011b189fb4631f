package davstore_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// misleading is a way on which the first member that is asked for alone looks otherwise than it is, if wrong; and on which listings after a PUT of the whole are counted.
type misleading struct {
	*filler
	wrong  bool
	asked  atomic.Bool
	listed atomic.Int32
}

func (m *misleading) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == "PROPFIND" && r.Header.Get("Depth") == "1" && strings.HasSuffix(r.URL.Path, m.name+"/") && m.whole > 0 {
		m.listed.Add(1)
	}
	got, err := m.filler.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || !m.wrong || m.asked.Swap(true) {
		return got, err
	}
	raw, err := io.ReadAll(got.Body)
	got.Body.Close()
	raw = bytes.Replace(raw, []byte("DTSTAMP:2"), []byte("DTSTAMP:1"), 1)
	got.Header.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(raw)))
	got.Body, got.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	return got, err
}

// What stand-ins are called, and their versions, is foreseen; where that was wrong, and where UIDs are too long for it, everything arrives all the same.
func TestStandInsAreForeseen(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "foreseen", map[string]string{"right": "secret", "wrong": "secret", "long": "secret"}, "")
	for _, name := range []string{"right", "wrong", "long"} {
		t.Run(name, func(t *testing.T) {
			all := usual(cutover.Calendar, 20)
			if name == "long" {
				all = append(all, meeting(strings.Repeat("long", 20)))
			}
			m := &misleading{filler: newFiller(t, server, name, cutover.Calendar), wrong: name == "wrong"}
			s := davstore.New(davstore.Options{URL: server.URL, Kinds: []cutover.FolderKind{cutover.Calendar}, Fill: 5, Transport: m, Authorize: func(r *http.Request) error { r.SetBasicAuth(name, "secret"); return nil }})
			defer s.Close()
			folders, err := s.Folders(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if items, _, err := s.Fills(t.Context(), folders[0]); err != nil || items == 0 {
				t.Fatal(items, err)
			}
			got, err := m.put(s, folders[0], all)
			if err != nil || len(got) != len(all) || m.whole != 1 || len(m.filler.lies()) != len(all) || strings.Contains(fmt.Sprint(m.filler.lies()), "STANDIN") {
				t.Errorf("%d, %v, %d PUTs on the collection, %d lie there", len(got), err, m.whole, len(m.filler.lies()))
			}
			for i, o := range got {
				if o.Err != nil {
					t.Errorf("%d: %v", i, o.Err)
				}
			}
			if n := m.listed.Load(); (n > 0) != (name == "long") {
				t.Errorf("listed %d times", n)
			}
			m.likeBefore()
		})
	}
}
