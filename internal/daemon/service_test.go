package daemon_test

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/daemon"
)

// manager is a service manager that notes what it is told.
type manager struct {
	mu    sync.Mutex
	told  []string
	beats map[string]int
}

func (m *manager) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, what)
}

func (m *manager) Ready()    { m.note("ready") }
func (m *manager) Stopping() { m.note("stopping") }

func (m *manager) Beat(name string, maxAge time.Duration) func() {
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.beats[name]++
	}
}

func (m *manager) heard() ([]string, int, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.told), m.beats["keeping"], m.beats["courier"]
}

func (b *bed) startWith(change func(*daemon.Options)) error {
	b.t.Helper()
	d := b.newWith(b.config(), change)
	err := d.Start(b.t.Context())
	if err == nil {
		b.daemon = d
		b.t.Cleanup(b.stop)
	}
	return err
}

func TestServiceManager(t *testing.T) {
	b := newBed(t, layout{})
	m := &manager{beats: map[string]int{}}
	must(t, b.startWith(func(o *daemon.Options) { o.Notify = m }))
	if told, _, _ := m.heard(); !slices.Equal(told, []string{"ready"}) {
		t.Errorf("told %v", told)
	}
	b.eventually("the loops to prove themselves alive", func() bool { _, keeping, courier := m.heard(); return keeping > 0 && courier > 2 })
	b.stop()
	if told, _, _ := m.heard(); !slices.Equal(told, []string{"ready", "stopping"}) {
		t.Errorf("told %v", told)
	}
}

func socket(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln
}

func greeting(t *testing.T, at net.Listener) string {
	t.Helper()
	conn, err := net.Dial("tcp", at.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	must(t, err)
	return strings.TrimSpace(line)
}

// All sockets of a name go to the listener that names them; on those that nobody names it is said so.
func TestSocketsHandedOver(t *testing.T) {
	b := newBed(t, layout{rest: "[listeners.given]\nrole = \"mx\"\nsocket = \"mx\"\naddress = \"127.0.0.1:1\"\n"})
	mx, second, other, another := socket(t), socket(t), socket(t), socket(t)
	must(t, b.startWith(func(o *daemon.Options) {
		o.Sockets = map[string][]net.Listener{"mx": {mx, second}, "submission": {other, another}}
	}))
	for _, at := range []net.Listener{mx, second} {
		if got := greeting(t, at); !strings.HasPrefix(got, "220 mail.example.com") {
			t.Errorf("the listener says %q", got)
		}
		if s := b.status(); !slices.ContainsFunc(s.Listeners, func(l control.Listening) bool {
			return l.Name == "given" && l.Role == "mx" && l.Address == at.Addr().String()
		}) {
			t.Errorf("%s is not among %+v", at.Addr(), s.Listeners)
		}
	}
	for _, at := range []net.Listener{other, another} {
		if got := greeting(t, at); !strings.HasPrefix(got, "421 ") || !strings.Contains(got, "not configured") {
			t.Errorf("nobody says %q", got)
		}
	}
	b.stop()
	for _, at := range []net.Listener{mx, second, other, another} {
		if conn, err := net.Dial("tcp", at.Addr().String()); err == nil {
			conn.Close()
			t.Errorf("%s is open after Stop", at.Addr())
		}
	}
}

func TestSocketsAreClosedAfterAFailedStart(t *testing.T) {
	b := newBed(t, layout{rest: "[listeners.given]\nrole = \"mx\"\nsocket = \"mx\"\n[listeners.other]\nrole = \"mx\"\nsocket = \"none\"\n"})
	mx, other := socket(t), socket(t)
	err := b.startWith(func(o *daemon.Options) { o.Sockets = map[string][]net.Listener{"mx": {mx}, "submission": {other}} })
	if err == nil {
		t.Fatal("started without a socket")
	}
	for _, ln := range []net.Listener{mx, other} {
		if conn, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			conn.Close()
			t.Errorf("%s is still open", ln.Addr())
		}
	}
}
