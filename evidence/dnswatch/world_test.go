package dnswatch

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

// world is a zone at two servers, and a resolver that finds them. Everything is on loopback.
type world struct {
	t        *testing.T
	ns       [2]*testserver.Nameserver
	resolver *testserver.DNS
	cfg      Config
	now      time.Time

	history  History
	snapshot Snapshot
}

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// who: mail.example.com at 192.0.2.1 is the old server, 192.0.2.2 are we.
var who = Who{
	Cloud: Marks{Names: []string{"*.mail.protection.outlook.com"}},
	Ours:  Marks{Names: []string{"posthouse.example.com"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.2/32")}},
	Old:   Marks{Names: []string{"mail.example.com"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}},
}

const (
	oldMX = "@ 3600 MX 10 mail\n@ 3600 MX 20 backup\n"
	newMX = "@ 300 MX 0 example-com.mail.protection.outlook.com.\n"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel() // servers that are silent are waited for
	w := &world{t: t, resolver: testserver.NewDNS(), now: start}
	must(t, w.resolver.Start())
	t.Cleanup(w.resolver.Stop)
	w.servers()
	w.resolve("example.com. 600 NS ns1.example.com.", "example.com. 600 NS ns2.example.com.", "ns1.example.com. 600 A 127.0.0.2", "ns2.example.com. 600 A 127.0.0.3")
	w.load(1, oldMX)
	w.cfg = Config{Resolvers: []string{w.resolver.Addr()}, Port: port(w.ns[0].Addr()), Patience: time.Second, Now: func() time.Time { return w.now }}
	return w
}

// servers start at two addresses and the same port: one that is free at both.
func (w *world) servers() {
	w.t.Helper()
	for range 20 {
		one, two := testserver.NewNameserver("example.com"), testserver.NewNameserver("example.com")
		must(w.t, one.StartAt("127.0.0.2:0"))
		if err := two.StartAt(fmt.Sprintf("127.0.0.3:%d", port(one.Addr()))); err != nil {
			one.Stop()
			continue
		}
		w.ns = [2]*testserver.Nameserver{one, two}
		w.t.Cleanup(one.Stop)
		w.t.Cleanup(two.Stop)
		return
	}
	w.t.Fatal("no port is free at both addresses")
}

func port(address string) uint16 { return netip.MustParseAddrPort(address).Port() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load gives the zone to the servers, to all if none is named.
func (w *world) load(serial int, records string, servers ...int) {
	w.t.Helper()
	if len(servers) == 0 {
		servers = []int{0, 1}
	}
	for _, i := range servers {
		must(w.t, w.ns[i].Load(fmt.Sprintf(`
@ 600 SOA ns1 hostmaster %d 3600 600 86400 60
@ 600 NS ns1
@ 600 NS ns2
ns1 600 A 127.0.0.2
ns2 600 A 127.0.0.3
mail 600 A 192.0.2.1
backup 600 A 192.0.2.1
posthouse 600 A 192.0.2.2
%s`, serial, records)))
	}
}

func (w *world) resolve(records ...string) {
	w.t.Helper()
	must(w.t, w.resolver.Add(records...))
}

// look is one look and what it does to the history.
func (w *world) look() History {
	w.t.Helper()
	w.snapshot = New(w.cfg).Look(w.t.Context(), "example.com")
	w.history = Next(w.history, w.snapshot, who)
	return w.history
}

// after lets time go by before a look.
func (w *world) after(d time.Duration) History {
	w.t.Helper()
	w.now = w.now.Add(d)
	return w.look()
}

func (w *world) findings() []Finding { return Findings(w.history, w.snapshot, who, w.now) }

// finding is the one of that code, the zero one if there is none.
func (w *world) finding(code Code) Finding {
	for _, f := range w.findings() {
		if f.Code == code {
			return f
		}
	}
	return Finding{}
}

// tells demands a finding and what it must say; without words there must be none.
func (w *world) tells(code Code, alarm bool, words ...string) {
	w.t.Helper()
	f := w.finding(code)
	if (f.Code == code) != (len(words) > 0) || f.Alarm != alarm {
		w.t.Errorf("%s: %+v", code, f)
	}
	for _, word := range words {
		if !strings.Contains(f.Text, word) {
			w.t.Errorf("%s does not say %q: %s", code, word, f.Text)
		}
	}
}

// mxChanges are the changes of the MX record, in few words.
func (h History) mxChanges() (all []string) {
	for _, c := range h.Changes {
		if c.Key.Type == "MX" {
			all = append(all, fmt.Sprintf("%s → %s %v", list(c.From), list(c.To), c.Back))
		}
	}
	return all
}

// silent is an address where nobody answers, and how many questions came there.
func silent(t *testing.T) (address string, asked *atomic.Int32) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	asked = new(atomic.Int32)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, 2048); ; asked.Add(1) {
			if _, _, err := c.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-ended })
	return c.LocalAddr().String(), asked
}
