package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// service answers as its fields say.
type service struct {
	Mail
	Proof
	Book
	status  func(context.Context) (Status, error)
	verify  func(ctx context.Context, names []string, yield func(Verified) error) error
	alarmed chan error
}

func (s *service) Status(ctx context.Context) (Status, error) { return s.status(ctx) }

func (s *service) Verify(ctx context.Context, names []string, _ bool, yield func(Verified) error) error {
	return s.verify(ctx, names, yield)
}

func (s *service) Backfill(context.Context, []string, func(Backfilled) error) error { return nil }
func (s *service) Tail(_ context.Context, begun func(), yield func(Event) error) error {
	begun()
	return yield(Event{Schema: TailSchema, What: MailTaken})
}

func (s *service) Plan(context.Context, []string, func(Planned) error) error { return nil }

func (s *service) DNS(context.Context, []string, bool, func(Domain) error) error { return nil }

func (s *service) Panicked(err error) { s.alarmed <- err }

func listen(t *testing.T, s Service) (*Client, *Server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c")
	server, err := Listen(path, Peers{}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return Dial(path), server, path
}

func TestSocket(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(folder, "c")
	server, err := Listen(path, Peers{}, &service{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{folder: fs.ModeDir | 0o700, path: fs.ModeSocket | 0o660} {
		if at, err := os.Stat(name); err != nil || at.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, at.Mode(), err, want)
		}
	}
	for range 2 {
		if err := server.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Stop: %v", err)
	}
	if _, err := Dial(path).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("asked nobody: %v", err)
	}
}

// A process that was killed leaves its socket behind.
func TestSocketLeftBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	server, err := Listen(path, Peers{}, &service{status: func(context.Context) (Status, error) { return NewStatus(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop(context.Background())
	if _, err := Dial(path).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSocketThatCannotBe(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(folder, strings.Repeat("a", MaxPath-len(folder)))
	for path, want := range map[string]string{
		long:                         "name a shorter one (control.socket)",
		file:                         "is no socket",
		filepath.Join(file, "below"): "not a directory",
	} {
		if s, err := Listen(path, Peers{}, &service{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", path, s, err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "x" {
		t.Errorf("the file is now %q, %v", data, err)
	}
	longest := long[:MaxPath]
	server, err := Listen(longest, Peers{}, &service{})
	if err != nil {
		t.Fatalf("a path of %d octets: %v", len(longest), err)
	}
	server.Stop(t.Context())
}

func TestStatus(t *testing.T) {
	want := NewStatus()
	want.At, want.Version, want.Domains = time.Date(2026, 11, 23, 18, 40, 0, 0, time.UTC), "v1", []string{"example.com"}
	want.Trouble = []string{"disk full"}
	fails := errors.New("the ledger is closed")
	answers := []error{nil, fails}
	client, _, _ := listen(t, &service{status: func(context.Context) (Status, error) {
		err := answers[0]
		answers = answers[1:]
		return want, err
	}})
	got, err := client.Status(t.Context())
	if err != nil || !got.At.Equal(want.At) || got.Version != "v1" || got.Domains[0] != "example.com" || got.Trouble[0] != "disk full" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client.Status(t.Context()); err == nil || !strings.Contains(err.Error(), fails.Error()) {
		t.Errorf("a failure: %v", err)
	}
}

func TestVerify(t *testing.T) {
	var asked []string
	client, _, _ := listen(t, &service{verify: func(_ context.Context, names []string, yield func(Verified) error) error {
		asked = names
		for _, name := range names {
			if err := yield(Verified{Schema: VerifySchema, Mailbox: name, Missing: []Finding{{Ref: "7"}}}); err != nil {
				return err
			}
		}
		return errors.New("the third cannot be read")
	}})
	var got []Verified
	err := client.Verify(t.Context(), []string{"anna@example.com", "bob+x@example.com"}, true, func(v Verified) error { got = append(got, v); return nil })
	if err == nil || !strings.Contains(err.Error(), "the third cannot be read") {
		t.Errorf("the stream's end: %v", err)
	}
	if len(asked) != 2 || asked[1] != "bob+x@example.com" || len(got) != 2 || got[1].Mailbox != "bob+x@example.com" || got[0].Missing[0].Ref != "7" {
		t.Errorf("asked %v, got %+v", asked, got)
	}
	enough := errors.New("enough")
	if err := client.Verify(t.Context(), []string{"a"}, false, func(Verified) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the reader's error: %v", err)
	}
}

// A verification may take hours: it ends when the service is stopped, and its client is told.
func TestStopEndsVerifications(t *testing.T) {
	client, server, _ := listen(t, &service{verify: func(ctx context.Context, _ []string, yield func(Verified) error) error {
		if err := yield(Verified{Schema: VerifySchema, Mailbox: "first"}); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	first, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- client.Verify(t.Context(), nil, false, func(Verified) error { close(first); return nil })
	}()
	<-first
	if err := server.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "being stopped") {
		t.Errorf("the client hears: %v", err)
	}
}

// What is being asked is answered, within Stop's time.
func TestStopWaitsForAnswers(t *testing.T) {
	asked, release := make(chan struct{}, 2), make(chan struct{})
	client, server, path := listen(t, &service{status: func(context.Context) (Status, error) {
		asked <- struct{}{}
		<-release
		return NewStatus(), nil
	}})
	answered := make(chan error, 1)
	go func() { _, err := client.Status(t.Context()); answered <- err }()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- server.Stop(context.Background()) }()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			tick.Stop()
			break
		}
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the answer: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func TestStopIsBounded(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	client, server, _ := listen(t, &service{status: func(context.Context) (Status, error) {
		close(asked)
		<-release
		return NewStatus(), nil
	}})
	answered := make(chan error, 1)
	go func() { _, err := client.Status(context.Background()); answered <- err }()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop: %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the client heard an answer of a service that was cut off")
	}
	close(release)
}

func TestPanicsAreAnswered(t *testing.T) {
	s := &service{alarmed: make(chan error, 2)}
	s.status = func(context.Context) (Status, error) { panic("status secret") }
	s.verify = func(_ context.Context, _ []string, yield func(Verified) error) error {
		if err := yield(Verified{Schema: VerifySchema}); err != nil {
			return err
		}
		panic("verify secret")
	}
	client, _, _ := listen(t, s)
	_, err := client.Status(t.Context())
	told := <-s.alarmed
	if err == nil || !strings.Contains(err.Error(), "internal failure") || strings.Contains(err.Error(), "secret") || !strings.Contains(told.Error(), "status secret") {
		t.Errorf("the client heard %v, the service %v", err, told)
	}
	lines := 0
	err = client.Verify(t.Context(), nil, false, func(Verified) error { lines++; return nil })
	told = <-s.alarmed
	if lines != 1 || err == nil || !strings.Contains(err.Error(), "internal failure") || !strings.Contains(told.Error(), "verify secret") {
		t.Errorf("the client heard %d lines and %v, the service %v", lines, err, told)
	}
	s.status = func(context.Context) (Status, error) { return NewStatus(), nil }
	if _, err := client.Status(t.Context()); err != nil {
		t.Errorf("after panics: %v", err)
	}
}
