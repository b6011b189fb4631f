package listener

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

func TestProxyHeader(t *testing.T) {
	for in, want := range map[string]string{
		"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\n":                                               "203.0.113.9:5000",
		"PROXY TCP6 2001:db8::9 2001:db8::1 5000 25\r\n":                                             "[2001:db8::9]:5000",
		"PROXY UNKNOWN\r\n":                                                                          "local",
		"PROXY UNKNOWN whatever may stand here\r\n":                                                  "local",
		signature + "\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00\x19":               "203.0.113.9:5000",
		signature + "\x21\x11\x00\x11\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00\x19\x05\x00\x02hi": "203.0.113.9:5000",
		signature + "\x20\x00\x00\x00":                                                               "local",
		signature + "\x20\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00\x19":               "local",
		signature + "\x20\x00\x00\x05abcde":                                                          "local",
		signature + "\x21\x11\x00\x0b\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00":                   "refused",
		signature + "\x22\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00\x19":               "refused", // a command that is none
		signature + "\x11\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00\x19":               "refused", // version 1 of the binary kind
		signature + "\x21\x00\x00\x00":                                                               "refused", // a client of no kind
		signature + "\x21\x31\x00\xd8" + strings.Repeat("x", 0xd8):                                   "refused", // a client by a local socket
		signature + "\x21\x11\x00\x0c\x00\x00\x00\x00\xc0\x00\x02\x01\x13\x88\x00\x19":               "refused", // a client without an address
		signature + "\x21\x11\xff\xff" + strings.Repeat("x", 0xffff):                                 "refused",
		"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\n":                                                 "refused",
		"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25 more\r\n":                                          "refused",
		"PROXY TCP4 203.0.113.999 192.0.2.1 5000 25\r\n":                                             "refused",
		"PROXY TCP4 2001:db8::9 2001:db8::1 5000 25\r\n":                                             "refused",
		"PROXY UDP4 203.0.113.9 192.0.2.1 5000 25\r\n":                                               "refused",
		"PROXY TCP4 203.0.113.9 192.0.2.1 5000" + strings.Repeat(" ", 90) + "\r\n":                   "refused",
		"PROXYTCP4 203.0.113.9 192.0.2.1 5000 25\r\n":                                                "refused",
		"EHLO client.test\r\n":                                                                       "refused",
		"":                                                                                           "refused",
		"PROXY TCP4 203.0.113.9":                                                                     "refused",
		signature + "\x21":                                                                           "refused",
		signature + "\x21\x11\x00\x0c\xcb\x00":                                                       "refused",
	} {
		const behind = "EHLO "
		whole := in
		if want != "refused" {
			whole += behind
		}
		rest := strings.NewReader(whole)
		got := proxyText(iotest.OneByteReader(rest)) // a header may come in pieces
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
		if left, _ := io.ReadAll(rest); want != "refused" && string(left) != behind {
			t.Errorf("%q: left %q behind", in, left)
		}
	}
}

func proxyText(r io.Reader) string {
	header, err := proxyHeader(r)
	if err != nil {
		return "refused"
	}
	client, local, err := parseProxy(header)
	switch {
	case err != nil:
		return "refused"
	case local:
		return "local"
	}
	return client.String()
}

// Whatever a proxy says: what is taken for a client has an address, and not an octet behind the header is used.
func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\nEHLO"))
	f.Add([]byte(signature + "\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\x13\x88\x00\x19EHLO"))
	f.Add([]byte(signature + "\x20\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		header, err := proxyHeader(r)
		if err != nil {
			return
		}
		if len(header)+r.Len() != len(in) || !bytes.HasPrefix(in, header) {
			t.Fatalf("%q: header %q, %d octets left", in, header, r.Len())
		}
		client, local, err := parseProxy(header)
		if err == nil && !local && (!client.IsValid() || client.Addr().IsUnspecified()) {
			t.Fatalf("%q names %v", in, client)
		}
		if err != nil && errors.Is(err, io.ErrUnexpectedEOF) && bytes.HasPrefix(header, []byte(signature)) {
			t.Fatalf("%q: the frame is shorter than what it holds: %v", in, err)
		}
	})
}

// The limits count the clients behind a proxy, not the proxy; who takes long to say for whom it speaks keeps nobody else waiting.
func TestClientsBehindAProxyAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) {
			c.MaxPerClient, c.ProxyFrom, c.Trusted = 1, theClient, append(theClient, netip.MustParsePrefix("2001:db8::/32"))
		})
		slow := b.net.dial("198.51.100.7:9")
		behind := func(client string, codes ...string) *talker {
			k := newTalker(b.net.dial("198.51.100.7:1"))
			b.must(k.say("PROXY " + client + "\r\n"))
			b.must(k.say("", codes...))
			return k
		}
		one, two := behind("TCP4 203.0.113.1 192.0.2.1 1 25", "220"), behind("TCP4 203.0.113.2 192.0.2.1 1 25", "220")
		third := behind("TCP4 203.0.113.1 192.0.2.1 2 25", "421 4.7.0")
		third.hungUp(t)
		one.conn.Close()
		synctest.Wait()
		one = behind("TCP4 203.0.113.1 192.0.2.1 3 25", "220")
		for range 5 { // to trust a proxy is to trust what it does of its own, not its clients; of those only who is trusted
			defer behind("UNKNOWN", "220").conn.Close()
			defer behind("TCP6 2001:db8::1 2001:db8::2 2 25", "220").conn.Close()
		}
		for _, k := range []*talker{one, two} {
			k.conn.Close()
		}
		slow.Close()
		synctest.Wait()
		b.noneCounted()
		if b.seen.connected != 8 {
			t.Errorf("%d connections told of, want 8: a proxy that looks whether we are there is none", b.seen.connected)
		}
		if len(b.log.fields("a proxy did not say")) != 1 {
			t.Error("nothing is logged of the one that hung up")
		}
		result := b.stopping(t.Context())
		b.must(<-result)
		b.stop()
	})
}

func TestStopDoesNotWaitForAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.ProxyFrom = theClient })
		k := newTalker(b.net.dial("198.51.100.7:9"))
		b.must(k.say("PROXY"))
		if d := timed(func() { b.must(b.srv.Stop(t.Context())) }); d != 0 {
			t.Errorf("took %v", d)
		}
		k.hungUp(t)
		if end := b.log.ends()[0][FieldEnd]; end != EndShutdown {
			t.Errorf("end %v", end)
		}
		b.stop()
	})
}
