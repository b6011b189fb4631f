package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// scrape is what an asker reads, one metric for each line.
func scrape(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	all := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if cut := strings.LastIndex(line, " "); cut > 0 && strings.HasPrefix(line, "posthouse_") {
			all[line[:cut]] = strings.TrimSpace(line[cut:])
		}
	}
	return all
}

func want(t *testing.T, got map[string]string, all map[string]string) {
	t.Helper()
	for name, value := range all {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

// How things stand is read at each scrape. A listener with two addresses counts its connections once: they are told of both.
func TestWhatStands(t *testing.T) {
	s := control.NewStatus()
	m := NewMetrics(func(context.Context) (control.Status, error) { return s, nil })
	s.Listeners = []control.Listening{{Name: "mx", Connections: 3}, {Name: "mx", Connections: 3}, {Name: "devices", Connections: 1}}
	s.Queue.Held, s.Queue.InDoubt = 2, 1
	s.Mailboxes = []control.Mailbox{{State: "following"}, {State: "copying"}, {State: "following"}}
	s.Copy.Messages, s.Trouble = 4711, []string{"one", "two"}
	s.Server.State, s.Address.State = evidence.Blind, evidence.Ready
	want(t, scrape(t, m), map[string]string{
		`posthouse_connections{listener="mx"}`: "3", `posthouse_connections{listener="devices"}`: "1",
		`posthouse_deliveries{state="held"}`: "2", `posthouse_deliveries{state="in doubt"}`: "1", `posthouse_deliveries{state="due"}`: "0",
		`posthouse_mailboxes{state="following"}`: "2", `posthouse_mailboxes{state="copying"}`: "1",
		`posthouse_status_known`: "1", `posthouse_copied_messages`: "4711", `posthouse_trouble`: "2",
		`posthouse_verdict{verdict="server"}`: "-1", `posthouse_verdict{verdict="address"}`: "1",
	})
	s.Server.State, s.Trouble = evidence.NotYet, nil
	want(t, scrape(t, m), map[string]string{`posthouse_verdict{verdict="server"}`: "0", `posthouse_trouble`: "0"})
}

// Where nobody can say how things stand, the answer says so, the counters are told all the same, and nothing is made up.
func TestCountersWithoutAStatus(t *testing.T) {
	m := NewMetrics(func(context.Context) (control.Status, error) {
		return control.Status{}, errors.New("the ledger is closed")
	})
	m.Accepted("arriving", 1000, 3*time.Millisecond)
	m.Accepted("arriving", 24, time.Minute)
	m.Abused("mx", "not SMTP")
	got := scrape(t, m)
	want(t, got, map[string]string{
		`posthouse_messages_total{route="arriving"}`: "2", `posthouse_message_octets_total{route="arriving"}`: "1024",
		`posthouse_commit_seconds_bucket{le="0.004"}`: "1", `posthouse_commit_seconds_count`: "2", `posthouse_abuses_total{listener="mx",what="not SMTP"}`: "1",
		`posthouse_status_known`: "0",
	})
	for name := range got {
		if strings.HasPrefix(name, "posthouse_deliveries") || strings.HasPrefix(name, "posthouse_verdict") {
			t.Errorf("%s is told", name)
		}
	}
}

// Only what is served is answered.
func TestNothingElse(t *testing.T) {
	h := NewMetrics(nil).Handler()
	for _, r := range []*http.Request{httptest.NewRequest("GET", "/", nil), httptest.NewRequest("POST", "/metrics", nil)} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", r.Method, r.URL, w.Code)
		}
	}
}

// held is a server with a request under way, which ends when it is released. The answer is "cut" where none came.
func held(t *testing.T) (s *Server, release func(), answer chan string) {
	t.Helper()
	begun, released := make(chan struct{}), make(chan struct{})
	s, err := Listen("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-released
		io.WriteString(w, "late")
	}))
	if err != nil {
		t.Fatal(err)
	}
	answer = make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + s.Addr().String())
		if err != nil {
			answer <- "cut"
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answer <- string(text)
	}()
	<-begun
	return s, func() { close(released) }, answer
}

// Stop lets a request under way end while there is time, and cuts it when there is none.
func TestStop(t *testing.T) {
	s, release, answer := held(t)
	release()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "late" {
		t.Errorf("with time the answer is %q", got)
	}
	s, release, answer = held(t)
	defer release()
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := s.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
	if got := <-answer; got != "cut" {
		t.Errorf("without time the answer is %q", got)
	}
}

// An address that somebody listens on is an error, and free again after Stop.
func TestListenTwice(t *testing.T) {
	s, err := Listen("127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(s.Addr().String(), http.NotFoundHandler()); err == nil {
		t.Error("listened on twice")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err = Listen(s.Addr().String(), http.NotFoundHandler()); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
