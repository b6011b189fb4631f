package davstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// via is a network that answers by itself, where it has an answer.
type via func(*http.Request) *http.Response

func (v via) RoundTrip(out *http.Request) (*http.Response, error) {
	if in := v(out); in != nil {
		in.Request, in.ProtoMajor, in.ProtoMinor = out, 1, 1
		if in.Body == nil {
			in.Body = http.NoBody
		}
		if in.Header == nil {
			in.Header = http.Header{}
		}
		return in, nil
	}
	return http.DefaultTransport.RoundTrip(out)
}

// asks is the body of a request, which can be read again.
func asks(r *http.Request) string {
	if r.Body == nil {
		return ""
	}
	raw, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return string(raw)
}

// tries once, and tells what failed.
func (a *across) try() (failed error) {
	a.Helper()
	err := a.bridge.CatchUp(a.Context(), []cutover.MailboxID{anna}, func(_ cutover.MailboxID, err error) { failed = err })
	return errors.Join(err, failed)
}

// What the server gives to nobody is not forgotten: it is tried for a while, and then named; the others follow meanwhile.
func TestWhatCannotBeRead(t *testing.T) {
	for name, cfg := range map[string]testserver.DAVConfig{"usual": {}, "no tokens": {NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{NoSync: cfg.NoSync}, cfg)
			var broken atomic.Bool
			a.oldVia = via(func(r *http.Request) *http.Response {
				switch text := asks(r); {
				case !broken.Load():
				case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/bad"), strings.Contains(text, "multiget") && strings.Contains(text, "/bad<"):
					return &http.Response{StatusCode: http.StatusInternalServerError}
				}
				return nil
			})
			broken.Store(true)
			a.old.Put("anna", home, "bad", meeting("bad", "SUMMARY:first"))
			for n := range 30 {
				a.old.Put("anna", home, fmt.Sprint("f", n), meeting(fmt.Sprint("e", n)))
			}
			if err := a.try(); err == nil || !strings.Contains(err.Error(), "bad") {
				t.Errorf("nobody heard of it: %v", err)
			}
			broken.Store(false)
			a.follow()
			a.equal(31)

			broken.Store(true)
			a.old.Put("anna", home, "bad", meeting("bad", "SUMMARY:second"))
			a.old.Put("anna", home, "very/bad", meeting("another"))
			a.restart()
			for range 2 {
				if err := a.try(); err == nil {
					t.Error("nobody heard of the change")
				}
			}
			a.clock.Pass(2 * time.Hour)
			for range 2 { // one after the other is given up
				_ = a.try()
				a.clock.Pass(2 * time.Hour)
			}
			a.follow()
			if r := a.verified(); len(r.Noted) != 1 || len(r.Missing) != 1 || r.Equal != 31 {
				t.Errorf("%+v", r)
			}
			broken.Store(false)
			a.old.Put("anna", home, "bad", meeting("bad", "SUMMARY:third"))
			a.old.Put("anna", home, "very/bad", meeting("another", "SUMMARY:third"))
			a.follow()
			a.equal(32)
		})
	}
}

// An item to which the server says what else it says of calendars that are gone, or that lies there and does not, stops no other one.
func TestOneThatIsNotTaken(t *testing.T) {
	key := cutover.IdentityOfUID(cutover.Calendar, "bad").Match()
	for _, status := range []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
			a.newVia = via(func(r *http.Request) *http.Response {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, fmt.Sprintf("/%x.ics", key[:])) {
					return &http.Response{StatusCode: status}
				}
				return nil
			})
			a.old.Put("anna", home, "bad", meeting("bad", "DTEND:20300101T110000Z"))
			for n := range 30 {
				a.old.Put("anna", home, fmt.Sprint("f", n), meeting(fmt.Sprint("e", n)))
			}
			a.follow()
			if row := a.row("bad"); row.Disposition != cutover.Refused || !strings.HasSuffix(row.Note, ".ics") {
				t.Errorf("%+v", row)
			}
			if n := len(a.new.Objects("anna", home)); n != 30 {
				t.Errorf("%d objects", n)
			}
		})
	}
}

// A calendar that lies elsewhere than the server lists it is not an empty one, on either side.
func TestRedirectedCollection(t *testing.T) {
	moved := func(r *http.Request) *http.Response {
		if rest, old := strings.CutPrefix(r.URL.EscapedPath(), "/anna/"+home+"/"); old {
			return &http.Response{StatusCode: http.StatusPermanentRedirect, Header: http.Header{"Location": {"/anna/moved/" + rest}}}
		}
		return nil
	}
	listed := func(r *http.Request) *http.Response {
		in := moved(r)
		if in == nil && r.Method == "PROPFIND" && r.URL.Path == "/anna/" {
			in, _ = http.DefaultTransport.RoundTrip(r)
			raw, _ := io.ReadAll(in.Body)
			in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(raw, []byte("/anna/moved/"), []byte("/anna/"+home+"/")))), -1
		}
		return in
	}
	for name, cfg := range map[string]testserver.DAVConfig{"usual": {}, "no tokens": {NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, cfg, cfg)
			a.oldVia, a.newVia = via(listed), via(listed)
			for _, s := range []*testserver.DAV{a.old, a.new} {
				s.RemoveCollection("anna", home)
				s.AddCollection("anna", "moved", testserver.DAVCalendar, "")
			}
			for n := range 25 {
				a.old.Put("anna", "moved", fmt.Sprint(n), meeting(fmt.Sprint("e", n)))
			}
			a.follow()
			a.equal(25)
			a.old.Put("anna", "moved", "3", meeting("e3", "SUMMARY:second"))
			a.follow()
			if _, raw := a.cloud("moved", "UID:e3"); !bytes.Contains(raw, []byte("second")) {
				t.Errorf("%q", raw)
			}
		})
	}
}

// A server that cannot tell all changes at once, or cannot read its own token, is asked for the list.
func TestSyncThatFails(t *testing.T) {
	for _, status := range []int{http.StatusInsufficientStorage, http.StatusInternalServerError} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
			var broken atomic.Bool
			broken.Store(status == http.StatusInsufficientStorage)
			a.oldVia = via(func(r *http.Request) *http.Response {
				if text := asks(r); broken.Load() && strings.Contains(text, "sync-collection") && (status != http.StatusInternalServerError || !strings.Contains(text, "<D:sync-token></D:sync-token>")) {
					return &http.Response{StatusCode: status}
				}
				return nil
			})
			for n := range 25 {
				a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint("e", n)))
			}
			a.follow()
			broken.Store(true)
			a.old.Put("anna", home, "3", meeting("e3", "SUMMARY:second"))
			a.old.Put("anna", home, "26", meeting("e26"))
			a.follow()
			a.equal(26)
		})
	}
}

// What a list tells nothing about is there all the same.
func TestListedWithoutProperties(t *testing.T) {
	for name, cfg := range map[string]testserver.DAVConfig{"usual": {}, "no tokens": {NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, cfg, testserver.DAVConfig{})
			a.oldVia = via(func(r *http.Request) *http.Response {
				if text := asks(r); r.URL.Path != "/anna/"+home+"/" || strings.Contains(text, "multiget") {
					return nil
				}
				in, _ := http.DefaultTransport.RoundTrip(r)
				raw, _ := io.ReadAll(in.Body)
				before, after, _ := strings.Cut(string(raw), "/anna/"+home+"/odd</D:href>")
				in.Body = io.NopCloser(strings.NewReader(before + "/anna/" + home + "/odd</D:href>" + strings.Replace(after, "200 OK", "500 Internal Server Error", 1)))
				in.ContentLength = -1
				return in
			})
			a.old.Put("anna", home, "odd", meeting("odd"))
			a.follow()
			if _, raw := a.cloud(home, "UID:odd"); raw == nil {
				t.Error("it was not copied")
			}
		})
	}
}

// What fails in the moment is not refused for good.
func TestMomentaryFailures(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	var failed sync.Map
	a.newVia = via(func(r *http.Request) *http.Response {
		if _, before := failed.LoadOrStore(r.URL.Path, true); r.Method == http.MethodPut && !before {
			return &http.Response{StatusCode: http.StatusInternalServerError}
		}
		return nil
	})
	for n := range 5 {
		a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint("e", n)))
	}
	a.follow()
	a.equal(5)
	for _, row := range a.rows() {
		if row.Note != "" {
			t.Errorf("%+v", row)
		}
	}
}
