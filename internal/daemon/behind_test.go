package daemon_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// Behind a real HAProxy every client is known by its own address, in the limits and in Received; who is no proxy can name nobody.
func TestBehindHAProxy(t *testing.T) {
	for _, send := range []string{"send-proxy", "send-proxy-v2"} {
		t.Run(send, func(t *testing.T) {
			b := newBed(t, layout{})
			source := neighbour.Address()
			cfg := b.config()
			l := cfg.Listeners["mx"]
			l.ProxyFrom, l.MaxConnectionsPerClient = []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(source), 32)}, 1
			cfg.Listeners["mx"] = l
			b.daemon = b.newWith(cfg)
			must(t, b.daemon.Start(t.Context()))
			t.Cleanup(b.stop)
			front := neighbour.StartHAProxy(t, source, b.listener(), send)
			for i, client := range []string{"127.0.0.3", "127.0.0.4"} {
				b.sender = testserver.Sender{LocalAddr: client, BDAT: true}
				msg := message("of "+client, "x@sender.example", "anna@example.com")
				r, err := b.sender.Send(t.Context(), front.SMTP, "x@sender.example", []string{"anna@example.com"}, msg)
				if err != nil || !r.Final.OK() {
					t.Fatalf("%s: %v, %v", client, r.Final, err)
				}
				b.eventually("it to arrive", func() bool { return len(b.mx.Received()) > i })
				if raw := string(b.mx.Received()[i].Data); !strings.Contains(raw, "["+client+"]") || strings.Contains(raw, "["+source+"]") {
					t.Errorf("it came with\n%s", raw)
				}
			}
			for from, preface := range map[string]string{"127.0.0.3": "PROXY TCP4 192.0.2.1 192.0.2.2 1000 25\r\n", source: "EHLO client.test\r\n"} {
				forged := testserver.Sender{LocalAddr: from, Preface: []byte(preface)}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				r, err := forged.Send(ctx, b.listener(), "x@sender.example", []string{"anna@example.com"}, message("forged", "x@sender.example", "anna@example.com"))
				cancel()
				if err == nil && r.Final.OK() {
					t.Errorf("from %s: %v", from, r.Final)
				}
			}
			b.eventually("it to look whether we are there", func() bool { return strings.Contains(b.logged.String(), "client=\""+source) })
		})
	}
}
