package davstore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// What a server, or somebody on the way to it, answers once and wrongly costs nothing: no item is lost or doubled, no change is left behind or taken for one of the cloud's owner, and nobody is invited.
func TestWrongAnswersCostNothing(t *testing.T) {
	for _, m := range []misreading{
		{"changed members fail", "old", asksFor("REPORT", "<D:sync-token>http"), edited(allFail)},
		{"listed member is unknown", "old", asksFor("REPORT", "multiget"), edited(lastIs("404 Not Found"))},
		{"member is not found", "old", asksFor("GET", ""), instead(404, "")},
		{"page in place of a member", "old", asksFor("GET", ""), instead(200, "text/html")},
		{"member is cut", "old", nth(1, asksFor("GET", "")), edited(func(text string) string { return text[:len(text)/2] })},
		{"collection is not told", "old", asksFor("PROPFIND", "displayname"), edited(allFail)},
		{"collection is not told", "new", nth(1, asksFor("PROPFIND", "displayname")), edited(allFail)},
		{"home is not told", "new", nth(1, asksFor("PROPFIND", "displayname")), edited(emptied)},
		{"collection is not found where something was moved from", "new", nth(4, asksFor("REPORT", "sync-collection")), instead(404, "")},
		{"change is not found", "new", asksFor("PUT", "SUMMARY:v3"), instead(404, "")},
		{"change is swallowed", "new", asksFor("PUT", "SUMMARY:v3"), instead(200, "text/html")},
		{"change is answered with a list", "new", asksFor("PUT", "SUMMARY:v3"), instead(207, "")},
		{"change takes too long", "new", asksFor("PUT", "SUMMARY:v3"), instead(408, "")},
		{"change is said not to be meant", "new", asksFor("PUT", "SUMMARY:v3"), instead(412, "")},
		{"new item takes too long", "new", asksFor("PUT", "UID:new"), instead(408, "")},
		{"move is not found", "new", asksFor("MOVE", ""), instead(404, "")},
		{"move is swallowed", "new", asksFor("MOVE", ""), instead(200, "text/html")},
		{"move fails when it is done", "new", asksFor("MOVE", ""), afterwards(500)},
		{"deletion is not found", "new", asksFor("DELETE", ""), instead(404, "")},
		{"deletion is swallowed", "new", asksFor("DELETE", ""), instead(200, "text/html")},
		{"deletion takes too long", "new", asksFor("DELETE", ""), instead(408, "")},
		{"copy to be deleted is not found", "new", asksFor("GET", ""), instead(404, "")},
		{"page in place of a copy", "new", asksFor("GET", ""), instead(200, "text/html")},
	} {
		t.Run(m.side+": "+m.name, m.play)
	}
}

// misreading is one wrong answer.
type misreading struct {
	name, side string
	is         func(method string, body []byte) bool // the question
	answer     func(ask func() (*http.Response, error)) (*http.Response, error)
}

func asksFor(method, text string) func(string, []byte) bool {
	return func(m string, body []byte) bool { return m == method && bytes.Contains(body, []byte(text)) }
}

// nth is the question of which there were so many before.
func nth(before int, is func(string, []byte) bool) func(string, []byte) bool {
	return func(m string, body []byte) bool {
		if is(m, body) {
			before--
			return before < 0
		}
		return false
	}
}

// instead is an answer of somebody on the way.
func instead(status int, kind string) func(func() (*http.Response, error)) (*http.Response, error) {
	return func(func() (*http.Response, error)) (*http.Response, error) {
		in := &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody}
		if kind != "" {
			in.Header.Set("Content-Type", kind)
			in.Body = io.NopCloser(strings.NewReader("<html>please log in</html>"))
		}
		return in, nil
	}
}

// afterwards is an answer in place of that to what was done.
func afterwards(status int) func(func() (*http.Response, error)) (*http.Response, error) {
	return func(ask func() (*http.Response, error)) (*http.Response, error) {
		in, err := ask()
		if err == nil {
			in.StatusCode = status
		}
		return in, err
	}
}

// edited is the answer with another body.
func edited(of func(string) string) func(func() (*http.Response, error)) (*http.Response, error) {
	return func(ask func() (*http.Response, error)) (*http.Response, error) {
		in, err := ask()
		if err != nil {
			return in, err
		}
		raw, err := io.ReadAll(in.Body)
		in.Body, in.ContentLength = io.NopCloser(strings.NewReader(of(string(raw)))), -1
		return in, err
	}
}

// allFail is a multistatus in which nothing is told of any properties.
func allFail(text string) string {
	return strings.ReplaceAll(text, "HTTP/1.1 200 OK", "HTTP/1.1 500 Internal Server Error")
}

// lastIs is a multistatus in which the last one has a status and nothing else.
func lastIs(status string) func(string) string {
	return func(text string) string {
		i, end := strings.LastIndex(text, "<D:response>"), strings.LastIndex(text, "</D:response>")
		href := i + strings.Index(text[i:], "</D:href>")
		return text[:href] + "</D:href><D:status>HTTP/1.1 " + status + "</D:status>" + text[end:]
	}
}

// emptied is a multistatus about nothing.
func emptied(text string) string {
	i, end := strings.Index(text, "<D:response>"), strings.LastIndex(text, "</D:response>")
	return text[:i] + text[end+len("</D:response>"):]
}

// misreader gives the wrong answer to the first such question after it is armed.
type misreader struct {
	m     misreading
	mu    sync.Mutex
	armed bool
	told  int
}

func (m *misreader) RoundTrip(out *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, err
	}
	out.Body = io.NopCloser(bytes.NewReader(body))
	ask := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(out) }
	m.mu.Lock()
	now := m.armed && m.m.is(out.Method, body)
	if now {
		m.armed = false
		m.told++
	}
	m.mu.Unlock()
	if !now {
		return ask()
	}
	in, err := m.m.answer(ask)
	if err == nil {
		in.Request = out
	}
	return in, err
}

func (m *misreader) arm(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed = on
}

func (m misreading) play(t *testing.T) {
	a, wrong := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{Schedules: true}), &misreader{m: m}
	a.deletions = 10
	if a.oldVia = wrong; m.side == "new" {
		a.oldVia, a.newVia = nil, wrong
	}
	a.restart()
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	a.new.AddCollection("anna", "c1", testserver.DAVCalendar, "Work")
	write := func(collection, version string, uids ...string) {
		for _, uid := range uids {
			a.old.Put("anna", collection, uid, meeting(uid, "SUMMARY:"+version, "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:"+map[bool]string{true: "bob", false: "anna"}[uid == "invited"]+"@example.com"))
		}
	}
	write(home, "v1", "stays", "changed", "deleted", "touched", "moved", "invited")
	write("work", "v1", "other")
	a.old.Put("anna", "contacts", "card", person("card", "SUMMARY:v1"))
	a.follow()
	write(home, "v2", "changed", "new", "invited")
	a.old.Put("anna", "contacts", "card", person("card", "SUMMARY:v2"))
	a.old.Remove("anna", home, "deleted")
	a.old.Remove("anna", home, "moved")
	write("work", "v2", "moved")
	name, _ := a.cloud(home, "UID:touched\r")
	a.new.Put("anna", home, name, meeting("touched", "SUMMARY:by its owner"))
	a.restart()
	wrong.arm(true)
	a.settles()
	last := "v2"
	if m.side == "new" { // and what is changed once more
		last = "v3"
		write(home, last, "changed")
		write("work", last, "moved")
		a.settles()
	}
	wrong.arm(false)
	if wrong.told != 1 {
		t.Errorf("%d wrong answers", wrong.told)
	}
	a.holds(map[string]string{
		home: "changed " + last + ", invited v2, new v2, stays v1, touched by its owner", "c1": "moved " + last + ", other v1", "contacts": "card v2",
	})
	if sent := a.new.Messages(); len(sent) > 0 {
		t.Errorf("sent: %q", sent)
	}
	if r := a.verified(); len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 || r.Equal != 8 {
		t.Errorf("%+v", r)
	}
	for _, row := range a.rows() {
		if row.Note != "" && row.Disposition != cutover.Gone && row.Legacy.Ref != "invited" {
			t.Errorf("%s: %s", row.Legacy.Ref, row.Note)
		}
	}
}

// settles follows until a pass succeeds.
func (a *across) settles() {
	a.Helper()
	var failed error
	for range 5 {
		failed = nil
		if err := a.bridge.CatchUp(a.Context(), []cutover.MailboxID{anna}, func(_ cutover.MailboxID, err error) { failed = err }); err != nil {
			a.Fatal(err)
		}
		if failed == nil {
			return
		}
	}
	a.Fatal(failed)
}

// holds demands what the cloud's collections hold: UIDs and titles, sorted.
func (a *across) holds(want map[string]string) {
	a.Helper()
	for collection := range a.new.Collections("anna") {
		var all []string
		for _, raw := range a.new.Objects("anna", collection) {
			uid, title := "", ""
			for line := range strings.SplitSeq(string(raw), "\r\n") {
				if text, is := strings.CutPrefix(line, "UID:"); is {
					uid = text
				} else if text, is := strings.CutPrefix(line, "SUMMARY:"); is {
					title = text
				}
			}
			all = append(all, fmt.Sprint(uid, " ", title))
		}
		slices.Sort(all)
		if got := strings.Join(all, ", "); got != want[collection] {
			a.Errorf("%s holds %s; want %s", collection, got, want[collection])
		}
		delete(want, collection)
	}
	if len(want) > 0 {
		a.Errorf("there is no %q", want)
	}
}

// mishears has a process follow what happened that hears one wrong answer of one side.
func (a *across) mishears(via *http.RoundTripper, is func(method string, body []byte) bool, answer func(ask func() (*http.Response, error)) (*http.Response, error)) {
	a.Helper()
	wrong := &misreader{m: misreading{is: is, answer: answer}}
	*via = wrong
	a.restart()
	wrong.arm(true)
	if a.settles(); wrong.told != 1 {
		a.Errorf("%d wrong answers", wrong.told)
	}
}

// unheard is the answer that nobody hears: what was asked is done.
func unheard(ask func() (*http.Response, error)) (*http.Response, error) {
	_, _ = ask()
	return nil, errLine
}
