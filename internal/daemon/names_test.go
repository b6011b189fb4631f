package daemon_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"posthouse/config"
	"posthouse/internal/control"
)

// names is a name server that knows every name to be 127.0.0.1, on good days.
type names struct {
	conn  net.PacketConn
	day   atomic.Int32
	asked atomic.Int32
}

// What a name server may do.
const (
	answers int32 = iota
	fails         // SERVFAIL
	silent
	noName // NXDOMAIN
)

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	n := &names{conn: conn}
	ended := make(chan struct{})
	go func() { defer close(ended); n.serve() }()
	t.Cleanup(func() { conn.Close(); <-ended })
	return n
}

func (n *names) serve() {
	packet := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		n.asked.Add(1)
		var m dnsmessage.Message
		day := n.day.Load()
		if m.Unpack(packet[:size]) != nil || day == silent {
			continue
		}
		m.Response, m.Additionals = true, nil
		q := m.Questions[0]
		switch {
		case day == fails:
			m.RCode = dnsmessage.RCodeServerFailure
		case day == noName:
			m.RCode = dnsmessage.RCodeNameError
		case q.Type == dnsmessage.TypeA:
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		if answer, err := m.Pack(); err == nil {
			_, _ = n.conn.WriteTo(answer, from)
		}
	}
}

// hasty is a connection to a name server that is not waited for as long as the resolver would.
type hasty struct{ *net.UDPConn }

func (h hasty) SetDeadline(time.Time) error {
	return h.UDPConn.SetDeadline(time.Now().Add(100 * time.Millisecond))
}

// answerAll makes it the one that this process asks until the test ends.
func (n *names) answerAll(t *testing.T) {
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		conn, err := net.DialUDP("udp", nil, n.conn.LocalAddr().(*net.UDPAddr))
		return hasty{conn}, err
	}}
}

// DNS fails in each of its ways and works again, while the daemon runs: mail waits, says why, and arrives once. No name is remembered for worse.
func TestDNSFailsAndRecovers(t *testing.T) {
	n := newNames(t)
	n.day.Store(fails)
	n.answerAll(t)
	b := newBed(t, layout{})
	_, port, err := net.SplitHostPort(b.mx.Addr())
	must(t, err)
	b.startWithCloud(t, func(c *config.Server) { c.SMTP = "mx.cloud.example:" + port })
	for i, day := range []struct {
		is   int32
		says string
	}{{fails, "server misbehaving"}, {silent, "i/o timeout"}, {noName, "no such host"}} {
		n.day.Store(day.is)
		msg := b.send(strings.ReplaceAll(day.says, "/", "-"), "x@sender.example", "anna@example.com")
		b.until("an attempt", func(s control.Status) bool {
			b.act(control.Deed{Do: "retry"}, control.QueueFilter{States: []string{"due"}}) // the pause of a destination that cannot be reached grows
			return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].State == "due" && strings.Contains(s.Queue.Waiting[0].Why, day.says)
		})
		n.day.Store(answers)
		b.until("it to arrive", func(s control.Status) bool {
			b.act(control.Deed{Do: "retry"}, control.QueueFilter{States: []string{"due"}})
			return settled(i + 1)(s)
		})
		b.once(b.cloud, "anna@example.com", msg)
		b.mx.Stop() // the next needs a connection of its own
		must(t, b.mx.Start())
	}
	if n.asked.Load() == 0 {
		t.Error("nobody asked")
	}
}
