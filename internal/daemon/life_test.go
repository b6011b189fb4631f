package daemon_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/ledger/sqlite"
)

func TestSecondStart(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	second := b.new()
	err := second.Start(t.Context())
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("%v", err)
	}
	must(t, second.Stop(t.Context()))
	b.send("after", "x@sender.example", "anna@example.com")
	b.until("the first to go on", settled(1))
}

// A start that fails gives everything back: the next one finds folder and ports free.
func TestFailedStart(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	for name, c := range map[string]struct{ rest, want string }{
		"the second listener's address is in use": {"[listeners.other]\nrole = \"mx\"\naddress = \"" + busy.Addr().String() + "\"\n", "listener other"},
		"a socket that nobody handed over":        {"[listeners.other]\nrole = \"mx\"\nsocket = \"other\"\n", "no socket \"other\" came from the service manager"},
		"the control socket's group is unknown":   {"[control]\ngroup = \"no-such-group\"\n", "no-such-group"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, layout{rest: c.rest})
			if err := b.new().Start(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			b.nothingRuns()
			b.layout.rest = ""
			b.start()
			b.until("the copy", copied)
		})
	}
	busy.Close()
}

func TestStopTwiceAndWithoutStart(t *testing.T) {
	b := newBed(t, layout{})
	must(t, b.new().Stop(t.Context()))
	d := b.new()
	must(t, d.Start(t.Context()))
	for range 2 {
		must(t, d.Stop(t.Context()))
	}
	b.nothingRuns()
}

// A client that does nothing hears 421; one that waits for the next hop does not keep us for longer than we are given.
func TestStopWithOpenSessionAndStalledDelivery(t *testing.T) {
	entered := make(chan struct{})
	var bodies atomic.Int32
	b := newBed(t, layout{mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtBody && bodies.Add(1) == 1 {
			close(entered)
			return &testserver.Reply{Stall: true}
		}
		return nil
	}}})
	b.start()
	b.until("the copy", copied)
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	<-entered
	conn, err := net.Dial("tcp", b.listener())
	must(t, err)
	defer conn.Close()
	lines := bufio.NewReader(conn)
	if greeting, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "220 mail.example.com") {
		t.Fatalf("%q, %v", greeting, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	if err := b.daemon.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("Stop took %s", took)
	}
	if last, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(last, "421 ") {
		t.Errorf("the idle client heard %q, %v", last, err)
	}
	b.daemon = nil
	b.nothingRuns()
	b.start()
	b.until("the message, which is in doubt, to be sent again", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}

// Clients that stay in the middle of a message are cut on all listeners at once, after half of the time; until then no listener takes anybody new.
func TestStopWithStuckClients(t *testing.T) {
	b := newBed(t, layout{rest: "[listeners.devices]\nrole = \"devices\"\naddress = \"127.0.0.1:0\"\nallow = [\"127.0.0.1\"]\n"})
	b.start()
	b.until("the copy", copied)
	addresses := []string{b.listener(), b.daemon.Addrs("devices")[0].String()}
	var stuck []*bufio.Reader
	for _, address := range addresses {
		stuck = append(stuck, stuckIn(t, address))
	}
	const given = 6 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), given)
	defer cancel()
	began, stopped := time.Now(), make(chan error, 1)
	go func() { stopped <- b.daemon.Stop(ctx) }()
	for _, address := range addresses {
		b.eventually("nobody to be let in at "+address, func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
	}
	select {
	case err := <-stopped:
		t.Errorf("Stop did not wait for the clients: %v", err)
	default:
	}
	for i, lines := range stuck {
		if last, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(last, "421 ") {
			t.Errorf("the client at %s heard %q, %v", addresses[i], last, err)
		}
	}
	must(t, <-stopped)
	if took := time.Since(began); took < given/2 || took >= given {
		t.Errorf("Stop took %s", took)
	}
	b.daemon = nil
	b.nothingRuns()
}

// stuckIn begins a message and leaves it at that.
func stuckIn(t *testing.T, address string) *bufio.Reader {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	lines := bufio.NewReader(conn)
	for _, step := range []struct{ say, want string }{
		{"", "220 "}, {"HELO x.example", "250 "}, {"MAIL FROM:<x@sender.example>", "250 "}, {"RCPT TO:<anna@example.com>", "250 "}, {"DATA", "354 "},
	} {
		if step.say != "" {
			_, err := conn.Write([]byte(step.say + "\r\n"))
			must(t, err)
		}
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, step.want) {
			t.Fatalf("%s: %q, %v", step.say, line, err)
		}
	}
	_, err = conn.Write([]byte("Subject: never ends\r\n"))
	must(t, err)
	return lines
}

// An old server that accepts connections and says nothing does not keep us either.
func TestStopWithSilentServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	b := newBed(t, layout{})
	cfg := b.config()
	legacy := cfg.Servers["legacy"]
	legacy.IMAP = silent.Addr().String()
	cfg.Servers["legacy"] = legacy
	d := b.newWith(cfg)
	must(t, d.Start(t.Context()))
	conn, err := silent.Accept()
	must(t, err)
	defer conn.Close()
	began := time.Now()
	must(t, d.Stop(t.Context()))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("Stop took %s", took)
	}
	b.nothingRuns()
}

// The commands see what Status says, and a client that is let in sees it through the socket.
func TestControlSocket(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n"})
	b.fill("anna@example.com", 1, 20)
	b.start()
	b.until("the copy", copied)
	client := control.Dial(filepath.Join(b.dir, "state", "control.sock"))
	s, err := client.Status(t.Context())
	must(t, err)
	m := s.Mailboxes
	if s.Schema != control.StatusSchema || s.Version != "test" || s.Organisation != "Example Ltd" || len(m) != 1 || m[0].Done != 20 || m[0].Home != "cloud" || m[0].State != "following" {
		t.Errorf("%+v", s)
	}
	if s.Server.About == "" || s.Server.State == "" || s.Server.Needed != 72*time.Hour || s.Since.IsZero() || s.Config.At.IsZero() {
		t.Errorf("%+v", s.Server)
	}
	var seen []control.Verified
	must(t, client.Verify(t.Context(), nil, false, func(v control.Verified) error { seen = append(seen, v); return nil }))
	if len(seen) != 1 || seen[0].Mailbox != "anna@example.com" || seen[0].Equal != 20 {
		t.Errorf("%+v", seen)
	}
	err = client.Verify(t.Context(), []string{"nobody@example.com"}, true, func(control.Verified) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "no mailbox nobody@example.com") {
		t.Errorf("%v", err)
	}
}
