package config

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const routes = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0104000A	0003	0	0	0	00000000	0	0	0
eth0	0004000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
broken	line
`

// A devices network that others could hide in is a danger, with its place and a remedy; one that holds devices alone is none, nor is one whose devices send inside only.
func TestDevicesNetworks(t *testing.T) {
	was := readHost
	t.Cleanup(func() { readHost = was })
	readHost = func() Host {
		h := Host{Bridges: map[string][]netip.Prefix{}, Own: []netip.Addr{netip.MustParseAddr("10.0.4.9"), netip.MustParseAddr("127.0.0.1")}}
		h.routes(routes)
		h.address("eth0", netip.MustParsePrefix("10.0.4.9/24"))
		h.address("virbr0", netip.MustParsePrefix("192.168.122.1/24"))
		h.address("br-1a2b", netip.MustParsePrefix("fd00:1::1/64"))
		return h
	}
	for allow, want := range map[string]string{
		`"10.0.4.0/24"`: "default gateway 10.0.4.1", `"10.0.4.1"`: "default gateway", `"10.0.4.8/30"`: "own address 10.0.4.9", `"10.0.4.16/28"`: "", `"172.16.0.0/12"`: "bridge docker0 (172.17.0.0/16)",
		`"172.17.0.5"`: "bridge docker0", `"192.168.122.7"`: "bridge virbr0", `"fd00:1::/56"`: "bridge br-1a2b", `"192.168.1.0/24"`: "", `"127.0.0.1"`: "", `"10.0.4.16/28", "10.0.4.1"`: "default gateway",
	} {
		text := "domains = [\"example.com\"]\nservers.cloud = { side = \"cloud\", smtp = \"mx.example.com:25\" }\n[listeners.d]\nrole = \"devices\"\naddress = \":2525\"\nallow = [" + allow + "]\n"
		for _, inside := range []bool{false, true} {
			if inside {
				text, want = text+"outside = false\n", ""
			}
			dir := t.TempDir()
			write(t, dir, "mailboxes.csv", "address\n", 0o600)
			cfg, err := Parse(filepath.Join(dir, "posthouse.toml"), []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, p := range cfg.Dangers {
				got += p.Text
				if p.Line != 6 || !strings.Contains(p.Hint, "outside = false") {
					t.Errorf("%+v", p)
				}
			}
			if want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", allow, got, want)
			}
		}
	}
}

func TestReadHost(t *testing.T) {
	if h := ReadHost(); len(h.Own) == 0 || h.Err != nil {
		t.Errorf("this machine has no address: %v", h.Err)
	}
}

// That the gateways are not known is an error, and takes away nothing of what is.
func TestGatewaysAreNotKnown(t *testing.T) {
	was := routesFile
	t.Cleanup(func() { routesFile = was })
	routesFile = filepath.Join(t.TempDir(), "none")
	if h := ReadHost(); len(h.Own) == 0 || !errors.Is(h.Err, fs.ErrNotExist) || !strings.Contains(h.Err.Error(), "gateways") {
		t.Errorf("%+v", h)
	}
}

// In a sandbox that tells no addresses what is not known is an error, and a danger where devices may send outside.
func TestHostIsNotKnown(t *testing.T) {
	was := interfaceAddrs
	t.Cleanup(func() { interfaceAddrs = was })
	interfaceAddrs = func() ([]net.Addr, error) { return nil, syscall.EAFNOSUPPORT }
	if own, err := OwnAddresses(); own != nil || !errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Errorf("%v, %v", own, err)
	}
	text := "domains = [\"example.com\"]\nservers.cloud = { side = \"cloud\", smtp = \"mx.example.com:25\" }\n[listeners.d]\nrole = \"devices\"\naddress = \":2525\"\nallow = [\"192.0.2.7\", \"192.0.2.8\"]\n"
	for _, inside := range []bool{false, true} {
		if inside {
			text += "outside = false\n"
		}
		dir := t.TempDir()
		write(t, dir, "mailboxes.csv", "address\n", 0o600)
		cfg, err := Parse(filepath.Join(dir, "posthouse.toml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if told := len(cfg.Dangers) == 1 && strings.Contains(cfg.Dangers[0].Text, "AF_NETLINK"); told == inside {
			t.Errorf("%q: %+v", text, cfg.Dangers)
		}
	}
}
