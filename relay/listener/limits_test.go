package listener

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// theClient is the network of the client that dialogs have.
var theClient = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}

// limitOption sets a limit for a dialog: min-rate N, session-minutes N, tarpit-after N, max-errors N, max-refused N, max-accepted N, max-commands N,
// greet-pause N (seconds), trusted and proxy (the client's network is such), proxy-elsewhere (another one is).
func limitOption(t *testing.T, l *Limits, name string, n int) {
	switch name {
	case "min-rate":
		l.MinDataRate = int64(n)
	case "session-minutes":
		l.SessionTimeout = time.Duration(n) * time.Minute
	case "tarpit-after":
		l.TarpitAfter = n
	case "max-errors":
		l.MaxErrors = n
	case "max-refused":
		l.MaxRefused = n
	case "max-accepted":
		l.MaxAccepted = n
	case "max-commands":
		l.MaxCommands = n
	case "greet-pause":
		l.NoEarlyTalkers, l.GreetPause = true, time.Duration(n)*time.Second
	case "trusted":
		l.Trusted = theClient
	case "proxy":
		l.ProxyFrom = theClient
	case "proxy-elsewhere":
		l.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	default:
		t.Fatalf("unknown option %s", name)
	}
}

func TestNetworkLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) {
			c.MaxPerNetwork, c.Trusted = 2, []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
		})
		all := []*talker{b.talk("198.51.100.7:1"), b.talk("198.51.100.8:1"), b.talk("198.51.101.9:1")}
		b.turnedAway("198.51.100.9:1", TooManyOfNetwork)
		all = append(all, b.talk("[2001:db8:1:2::1]:1"), b.talk("[2001:db8:1:3::1]:1"), b.talk("[2001:db8:2::1]:1"))
		b.turnedAway("[2001:db8:1:4::1]:1", TooManyOfNetwork)
		for range 50 { // the trusted may be many
			all = append(all, b.talk("203.0.113.1:1"))
		}
		all[0].conn.Close()
		synctest.Wait()
		all = append(all, b.talk("198.51.100.9:1"))
		for _, k := range all {
			k.conn.Close()
		}
		synctest.Wait()
		b.noneCounted()
		b.stop()
	})
}

// The trusted are counted among all connections: what the machine can carry is the same for everybody.
func TestTrustedFillTheListenerToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxConnections, c.Trusted = 1, theClient })
		one := b.talk("198.51.100.7:1")
		b.turnedAway("198.51.100.8:1", TooManyConnections)
		one.conn.Close()
		b.stop()
	})
}

// A connection that never spoke frees its place as any other does, and those who wait in the lobby are told of a stop.
func TestSilentClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxPerClient = 1 })
		silent := newTalker(b.net.dial("198.51.100.7:1"))
		b.must(silent.say("", "220 mx.mail.test"))
		b.turnedAway("198.51.100.7:2", TooManyOfClient)
		silent.conn.Close()
		synctest.Wait()
		b.noneCounted()
		silent = newTalker(b.net.dial("198.51.100.7:3"))
		b.must(silent.say("", "220"))
		idle := newTalker(b.net.dial("198.51.100.8:3"))
		b.must(idle.say("", "220", "421 4.4.2"))
		idle.hungUp(t)
		silent.conn.Close()
		synctest.Wait() // its place is free
		left := newTalker(b.net.dial("198.51.100.7:4"))
		b.must(left.say("", "220"))
		result := b.stopping(t.Context())
		b.must(left.say("", "421 4.3.2"))
		left.hungUp(t)
		b.must(<-result)
		b.stop()
	})
}

func TestPace(t *testing.T) {
	const window, rate = time.Minute, 100
	for name, c := range map[string]struct {
		each time.Duration
		n    int
		slow bool
	}{
		"fast":              {time.Second, 1000, false},
		"just fast enough":  {time.Second, 100, false},
		"a little too slow": {time.Second, 99, true},
		"one long pause":    {window, 100 * 60, false},
		"nothing much":      {window, 1, true},
	} {
		var p pace
		slow := false
		for waited := time.Duration(0); waited < 5*window; waited += c.each {
			slow = slow || p.slow(c.each, c.n, window, rate)
		}
		if slow != c.slow {
			t.Errorf("%s: slow %v, want %v", name, slow, c.slow)
		}
	}
	var p pace
	if p.slow(window-1, 0, window, rate) {
		t.Error("slow before the window has passed")
	}
	if !p.slow(1, 0, window, rate) || p != (pace{}) {
		t.Error("a window of silence is not slow, or is not left behind")
	}
}

// Replies to the refused come ever later, except where too many are kept waiting already; a stop does not wait for it.
func TestTarpit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.TarpitAfter, c.MaxConnections = 2, 10 })
		one, two := b.talk("198.51.100.7:1"), b.talk("198.51.100.8:1")
		var took []time.Duration
		for range 8 {
			took = append(took, timed(func() { b.must(one.say("NONSENSE\r\n", "500")) }))
		}
		want := []time.Duration{0, 0, 1e9, 2e9, 4e9, 8e9, 10e9, 10e9}
		for i, d := range want {
			if took[i] != d {
				t.Fatalf("replies took %v, want %v", took, want)
			}
		}
		if d := timed(func() { b.must(one.say("NOOP\r\n", "250")) }); d != 0 {
			t.Errorf("a good reply took %v", d)
		}
		for range 2 {
			b.must(two.say("NONSENSE\r\n", "500"))
		}
		b.must(one.say("NONSENSE\r\n"))
		synctest.Wait()
		if d := timed(func() { b.must(two.say("NONSENSE\r\n", "500")) }); d != 0 {
			t.Errorf("with the tarpit full a reply took %v", d)
		}
		start := time.Now()
		result := b.stopping(t.Context())
		b.must(one.say("", "500", "421"))
		b.must(two.say("", "421"))
		b.must(<-result)
		if d := time.Since(start); d != 0 {
			t.Errorf("the stop took %v", d)
		}
		one.hungUp(t)
		two.hungUp(t)
		b.noneCounted()
		b.stop()
	})
}

// A message that was taken makes good for errors before it.
func TestTarpitForgives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.TarpitAfter = 1 })
		k := b.talk("198.51.100.7:1")
		b.must(k.say("NONSENSE\r\n", "500"))
		b.must(k.say(envelopeCommands+"BDAT 2 LAST\r\nhi", "250", "250", "250"))
		if d := timed(func() { b.must(k.say("NONSENSE\r\n", "500")) }); d != 0 {
			t.Errorf("took %v", d)
		}
		if d := timed(func() { b.must(k.say("NONSENSE\r\n", "500")) }); d != tarpitStep {
			t.Errorf("took %v", d)
		}
		many := strings.Repeat("NONSENSE\r\n", 5) // a 250 that waits with them is not kept back
		if d := timed(func() { b.must(k.say(envelopeCommands+"BDAT 2 LAST\r\nhi"+many, "250", "250", "250", "500")) }); d != 0 {
			t.Errorf("the reply to a message took %v", d)
		}
		k.conn.Close()
		b.stop()
	})
}

// Octets that have come before the greeting are seen without waiting for any.
func TestEarlyTalkers(t *testing.T) {
	for said, want := range map[string]string{
		"EHLO client.test\r\n": "421 4.5.0", "": "220",
		"PROXY UNKNOWN\r\nEHLO client.test\r\n": "421 4.5.0", "PROXY UNKNOWN\r\n": "220",
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		conn := dialTCP(t, ln.Addr())
		io.WriteString(conn, said) // it is in the socket's buffer before anybody accepts
		b := newBed(t, func(c *Config) {
			c.Sockets, c.NoEarlyTalkers = []net.Listener{ln}, true
			if strings.HasPrefix(said, "PROXY") {
				c.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			}
		})
		line, err := bufio.NewReader(conn).ReadString('\n')
		if !strings.HasPrefix(line, want) {
			t.Errorf("%q was answered %q, %v; want %s", said, line, err, want)
		}
		conn.Close()
		b.must(b.srv.Stop(t.Context()))
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
