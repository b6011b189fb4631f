package davstore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"posthouse/internal/testserver"
)

var etagElement = regexp.MustCompile(`<D:getetag>[^<]*</D:getetag>`)

// without takes versions out of all that a server says; weakly makes them weak ones, which it compares letter by letter.
func without(r *http.Request) *http.Response {
	in, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil
	}
	raw, _ := io.ReadAll(in.Body)
	in.Header.Del("ETag")
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(etagElement.ReplaceAll(raw, nil))), -1
	return in
}

func weakly(r *http.Request) *http.Response {
	if m := r.Header.Get("If-Match"); m != "" {
		r.Header.Set("If-Match", strings.TrimPrefix(m, "W/"))
		if !strings.HasPrefix(m, "W/") {
			r.Header.Set("If-Match", `"no such version"`)
		}
	}
	in, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil
	}
	raw, _ := io.ReadAll(in.Body)
	if e := in.Header.Get("ETag"); e != "" {
		in.Header.Set("ETag", "W/"+e)
	}
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(raw, []byte("<D:getetag>"), []byte("<D:getetag>W/")))), -1
	return in
}

// Where the old server tells no versions, or both tell weak ones, changes follow. Where the cloud tells none, nothing is written over what lies there: the item is named.
func TestOddVersions(t *testing.T) {
	for name, cfg := range map[string]testserver.DAVConfig{"tokens": {}, "no tokens": {NoSync: true}, "neither tokens nor tags": {NoSync: true, NoCTag: true}} {
		for _, c := range []struct {
			name     string
			old, new http.RoundTripper
			follows  bool
		}{{"none on the old side", via(without), nil, true}, {"none in the cloud", nil, via(without), false}, {"weak ones", via(weakly), via(weakly), true}} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				a := newAcross(t, cfg, cfg)
				a.oldVia, a.newVia = c.old, c.new
				a.deletions = 1000
				a.restart()
				for n := range 15 {
					a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint("e", n), "SUMMARY:first"))
				}
				a.follow()
				a.restart()
				a.old.Put("anna", home, "3", meeting("e3", "SUMMARY:second"))
				a.old.Remove("anna", home, "4")
				a.follow()
				if _, raw := a.cloud(home, "UID:e3\r"); bytes.Contains(raw, []byte("second")) != c.follows {
					t.Errorf("%q", raw)
				}
				if _, raw := a.cloud(home, "UID:e4\r"); (raw == nil) != c.follows {
					t.Errorf("%q", raw)
				}
				if r := a.verified(); r.Equal != 14 || len(r.Missing)+len(r.Altered) != 0 || (len(r.Noted) == 0) != c.follows {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}
