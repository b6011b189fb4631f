package davstore_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

func folders(t *testing.T, o davstore.Options) ([]cutover.Folder, error) {
	t.Helper()
	s := davstore.New(o)
	defer s.Close()
	return s.Folders(t.Context())
}

// From wherever one begins, the homes are found.
func TestDiscovery(t *testing.T) {
	server := serve(t, testserver.DAVConfig{})
	for name, change := range map[string]func(*davstore.Options){
		"the server":    func(*davstore.Options) {},
		"the principal": func(o *davstore.Options) { o.URL += "anna/" },
		"a well-known address that is given": func(o *davstore.Options) {
			o.URL += ".well-known/caldav"
		},
		"the homes themselves": func(o *davstore.Options) {
			o.Calendars, o.Contacts, o.URL = o.URL+"anna/", o.URL+"anna/", "http://127.0.0.1:1/"
		},
	} {
		o := options(server)
		change(&o)
		all, err := folders(t, o)
		if err != nil || len(all) != 2 || all[0].Path.String() != "Calendars / default" || all[1].Path.String() != "Address books / contacts" || all[0].Role != cutover.Default || all[1].Role != cutover.Default {
			t.Errorf("from %s: %+v, %v", name, all, err)
		}
	}
}

// A domain's servers are looked up, and where there is no record the domain itself is asked; always by TLS.
func TestLookUp(t *testing.T) {
	var asked []string
	o := davstore.Options{URL: "example.com", Transport: refusing{func(r *http.Request) { asked = append(asked, r.URL.String()) }}}
	o.Resolve = func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
		if service == "carddavs" {
			return "", nil, errors.New("no such host")
		}
		return "", []*net.SRV{{Target: "dav.example.com.", Port: 8443}}, nil
	}
	var paths []string
	o.Texts = func(_ context.Context, name string) ([]string, error) {
		if name != "_caldavs._tcp.example.com" {
			t.Errorf("looked for texts of %s", name)
		}
		return paths, nil
	}
	o.Kinds = []cutover.FolderKind{cutover.Calendar}
	_, err := folders(t, o)
	paths = []string{"v=something", "path=/dav/home"}
	_, err3 := folders(t, o)
	o.Kinds = []cutover.FolderKind{cutover.Contacts}
	_, err2 := folders(t, o)
	if !errors.Is(err, bridge.ErrConnection) || !errors.Is(err2, bridge.ErrConnection) || !errors.Is(err3, bridge.ErrConnection) {
		t.Errorf("%v, %v, %v", err, err2, err3)
	}
	if text := strings.Join(asked, " "); !strings.HasPrefix(text, "https://dav.example.com:8443/.well-known/caldav") || !strings.Contains(text, "https://dav.example.com:8443/dav/home") || !strings.HasSuffix(text, "https://example.com/.well-known/carddav") {
		t.Errorf("asked %s", text)
	}
}

// A server of another domain, which whoever answered for DNS may have made up, gets nothing before a person has named it; nor does one with another address.
func TestLookUpElsewhere(t *testing.T) {
	asked := 0
	o := davstore.Options{URL: "example.com", Transport: refusing{func(*http.Request) { asked++ }}}
	target := ""
	o.Resolve = func(context.Context, string, string, string) (string, []*net.SRV, error) {
		return "", []*net.SRV{{Target: target, Port: 443}}, nil
	}
	for _, target = range []string{"dav.example.net.", "example.com.attacker.example.", "192.0.2.1."} {
		if _, err := folders(t, o); err == nil || asked != 0 || !strings.Contains(err.Error(), strings.TrimSuffix(target, ".")) {
			t.Errorf("%s: %v, asked %d times", target, err, asked)
		}
	}
	if _, err := folders(t, davstore.Options{URL: "https://192.0.2.1/", Transport: via(func(r *http.Request) *http.Response {
		if r.URL.Host != "192.0.2.1" {
			t.Errorf("asked %s", r.URL)
		}
		return &http.Response{StatusCode: http.StatusMovedPermanently, Header: http.Header{"Location": {"https://203.0.2.1/"}}}
	})}); err == nil {
		t.Error("another address got the credentials")
	}
}

// refusing is a network on which nobody answers.
type refusing struct{ asked func(*http.Request) }

func (r refusing) RoundTrip(out *http.Request) (*http.Response, error) {
	r.asked(out)
	return nil, errors.New("nobody there")
}

// Credentials go to no other host.
func TestRedirectedElsewhere(t *testing.T) {
	var others atomic.Int64
	other := serve(t, testserver.DAVConfig{Hook: func(*http.Request) int { others.Add(1); return 0 }})
	server := serve(t, testserver.DAVConfig{})
	o := options(server)
	o.Transport = rewriting{func(in *http.Response) {
		in.StatusCode = http.StatusMovedPermanently
		in.Header.Set("Location", strings.Replace(other.URL(), "127.0.0.1", "localhost", 1))
	}}
	if _, err := folders(t, o); err == nil || others.Load() != 0 {
		t.Errorf("%v; the other was asked %d times", err, others.Load())
	}
}

type rewriting struct{ change func(*http.Response) }

func (r rewriting) RoundTrip(out *http.Request) (*http.Response, error) {
	in, err := http.DefaultTransport.RoundTrip(out)
	if err == nil {
		r.change(in)
	}
	return in, err
}

func TestWhatServersAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		want   error
		kind   bridge.BusyKind
		wait   time.Duration
	}{
		"refused login": {401, "", bridge.ErrLogin, "", 0},
		"too many":      {429, "7", bridge.ErrBusy, bridge.Throttled, 7 * time.Second},
		"overloaded":    {503, "", bridge.ErrBusy, bridge.Throttled, 0},
		"locked":        {423, "", bridge.ErrBusy, bridge.Later, 0},
	} {
		server := serve(t, testserver.DAVConfig{})
		o := options(server)
		refused := 0
		o.Server, o.Refused = "dav", func() { refused++ }
		o.Transport = rewriting{func(in *http.Response) {
			in.StatusCode = c.status
			if c.header != "" {
				in.Header.Set("Retry-After", c.header)
			}
		}}
		_, err := folders(t, o)
		var busy *bridge.Busy
		if !errors.Is(err, c.want) || errors.As(err, &busy) && (busy.Kind != c.kind || busy.Wait != c.wait || busy.Server != "dav") {
			t.Errorf("%s: %v, %+v", name, err, busy)
		}
		if (refused > 0) != (c.status == 401) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: told of %d refusals; %v", name, refused, err)
		}
	}
}

// Before a login that was refused nobody asks again but through the guard.
func TestGuard(t *testing.T) {
	server := serve(t, testserver.DAVConfig{})
	o := options(server)
	guarded, right := 0, true
	o.Guard = func(_ context.Context, login func() error) error { guarded++; return login() }
	o.Authorize = func(r *http.Request) error {
		if right {
			r.SetBasicAuth("anna", "secret")
		}
		return nil
	}
	s := davstore.New(o)
	defer s.Close()
	for range 3 {
		if _, err := s.Folders(t.Context()); err != nil || guarded != 1 {
			t.Fatalf("%v; the guard was asked %d times", err, guarded)
		}
	}
	right = false
	for n := range 2 {
		if _, err := s.Folders(t.Context()); !errors.Is(err, bridge.ErrLogin) || guarded != 1+n {
			t.Errorf("%v; the guard was asked %d times", err, guarded)
		}
	}
}

// A folder that is made looks like the one it stands for, as far as the server lets it.
func TestLookIsCarried(t *testing.T) {
	server := serve(t, testserver.DAVConfig{})
	s := davstore.New(options(server))
	defer s.Close()
	look := cutover.Look{Description: "What <we> do", Colour: "#00ff00ff", Components: "VEVENT VTODO"}
	made, err := s.EnsureFolder(t.Context(), cutover.Folder{Kind: cutover.Calendar, Path: cutover.FolderPath{"Calendars", "Team & Co"}, Look: look})
	if err != nil || made.Path[1] != "Team & Co" || made.Look != look {
		t.Errorf("%+v, %v", made, err)
	}
	book, err := s.EnsureFolder(t.Context(), cutover.Folder{Kind: cutover.Contacts, Path: cutover.FolderPath{"Address books", "日本"}, Look: cutover.Look{Description: "d"}})
	if err != nil || book.Path[1] != "日本" || book.Look.Description != "d" || book.Role == cutover.Default {
		t.Errorf("%+v, %v", book, err)
	}
}

// A look at which nothing is new costs one question for all that lies in a home.
func TestQuietLook(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	for _, name := range []string{"one", "two", "three"} {
		a.old.AddCollection("anna", name, testserver.DAVCalendar, name)
		a.old.Put("anna", name, "x", meeting(name))
	}
	a.bridge.Start()
	a.follow()
	before := a.old.Asked()
	a.follow()
	now := a.old.Asked()
	if n := now["PROPFIND"] - before["PROPFIND"]; n > 2 || now["REPORT"] != before["REPORT"] {
		t.Errorf("%d PROPFIND and %d REPORT for 5 collections", n, now["REPORT"]-before["REPORT"])
	}
}
