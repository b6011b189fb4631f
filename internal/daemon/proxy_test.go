package daemon_test

import (
	"fmt"
	"testing"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// A real old server that is told of clients by PROXY takes them for its own.
func TestPostfixIsToldOfClients(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		b := newBed(t, layout{mailboxes: "anna@example.com,,person,legacy\n"})
		p := neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "old", NextHop: "smtp:" + fmt.Sprintf("[127.0.0.1]:%d", port(b.old)), Settings: "smtpd_upstream_proxy_protocol = haproxy\n"})
		cfg := b.config()
		s := cfg.Servers["legacy"]
		s.SMTP, s.Proxy = p.SMTP, version
		cfg.Servers["legacy"] = s
		b.daemon = b.newWith(cfg)
		must(t, b.daemon.Start(t.Context()))
		t.Cleanup(b.stop)
		var all [][]byte
		for i, client := range []string{"127.0.0.3", "127.0.0.4", "127.0.0.3"} {
			b.sender = testserver.Sender{LocalAddr: client}
			all = append(all, b.send(fmt.Sprintf("number %d", i), "x@sender.example", "anna@example.com"))
		}
		for _, msg := range all {
			b.eventually("it to arrive", func() bool { return len(b.holding(b.legacy, "anna@example.com", msg)) == 1 })
		}
		for _, client := range []string{"127.0.0.3", "127.0.0.4"} {
			if !p.Said("connect from unknown["+client+"]") && !p.Said("connect from localhost["+client+"]") {
				t.Errorf("%s: Postfix knows nothing of %s", version, client)
			}
		}
		if p.Said("[127.0.0.25]") {
			t.Errorf("%s: Postfix took us for a client", version)
		}
		b.stop()
		p.Stop()
	}
}
