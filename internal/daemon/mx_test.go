package daemon

import (
	"net"
	"net/netip"
	"testing"

	"posthouse/config"
)

func TestOwnHost(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	handed := netip.MustParseAddrPort(socket.Addr().String()).Port()
	d := &Daemon{
		cfg: &config.Config{Listeners: map[string]config.Listener{
			"mx": {Hostname: "Mail.example.com", Address: ":25", Socket: "mx"}, "devices": {Address: "10.0.0.10:2525"},
		}},
		opts: Options{Sockets: map[string][]net.Listener{"mx": {socket}}},
	}
	own := d.ownHost()
	for _, c := range []struct {
		host, ip string
		port     uint16
		want     bool
	}{
		{"mail.example.com", "192.0.2.1", 25, true},
		{"other.example.com", "192.0.2.1", 25, false},
		{"other.example.com", "127.0.0.1", 25, true},
		{"other.example.com", "127.3.2.1", 2525, true},
		{"other.example.com", "::1", handed, true},
		{"other.example.com", "127.0.0.1", 2526, false},
	} {
		if got := own(c.host, netip.AddrPortFrom(netip.MustParseAddr(c.ip), c.port)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if p := netip.MustParsePrefix(a.String()); !own("other.example.com", netip.AddrPortFrom(p.Addr(), 25)) {
			t.Errorf("%s is ours", p)
		}
	}
}
