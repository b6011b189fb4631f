package config

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"
)

// Host is what stands around this machine in whose name others come: behind a gateway, a container bridge or our own address are many, and nobody can tell them apart.
type Host struct {
	Gateways []netip.Addr
	Bridges  map[string][]netip.Prefix // networks of container bridges, by interface
	Own      []netip.Addr
	Err      error // why not all of these are known
}

// bridgeNames are those that Docker, CNI plug-ins, Podman and libvirt give.
var bridgeNames = []string{"docker*", "br-*", "cni*", "podman*", "virbr*"}

func isBridge(iface string) bool {
	return slices.ContainsFunc(bridgeNames, func(p string) bool { ok, _ := path.Match(p, iface); return ok })
}

// ReadHost asks the system.
func ReadHost() Host {
	h := Host{Bridges: map[string][]netip.Prefix{}}
	routes, err := os.ReadFile(routesFile)
	if err != nil {
		h.Err = fmt.Errorf("this machine's gateways are not known: %w", err)
	}
	h.routes(string(routes))
	own, err := OwnAddresses()
	h.Own, h.Err = own, errors.Join(h.Err, err)
	if err != nil {
		return h // nobody tells of interfaces either
	}
	if err := h.interfaces(); err != nil {
		h.Err = errors.Join(h.Err, fmt.Errorf("this machine's interfaces are not known: %w", err))
	}
	return h
}

// routesFile is where the kernel tells its routes. Tests name another.
var routesFile = "/proc/net/route"

// interfaces finds the bridges.
func (h *Host) interfaces() error {
	all, err := net.Interfaces()
	for _, i := range all {
		addrs, failed := i.Addrs()
		err = errors.Join(err, failed)
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				h.address(i.Name, p)
			}
		}
	}
	return err
}

// interfaceAddrs is the seam for tests.
var interfaceAddrs = net.InterfaceAddrs

// OwnAddresses are all of this machine's, for whoever asks. In a sandbox without AF_NETLINK nobody tells them: who goes on without them says so.
func OwnAddresses() (own []netip.Addr, err error) {
	all, err := interfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("this machine's own addresses are not known (the unit must allow AF_NETLINK): %w", err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap())
		}
	}
	return own, nil
}

// address takes an interface's address in.
func (h *Host) address(iface string, p netip.Prefix) {
	if isBridge(iface) {
		h.Bridges[iface] = append(h.Bridges[iface], p.Masked())
	}
}

// routes reads the kernel's table (proc_net_route): addresses and masks are hexadecimal, in the machine's order of octets.
func (h *Host) routes(table string) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 8 {
			continue
		}
		destination, ok1 := hexAddr(f[1])
		gateway, ok2 := hexAddr(f[2])
		mask, ok3 := hexAddr(f[7])
		if !ok1 || !ok2 || !ok3 {
			continue
		}
		m := mask.As4()
		ones, _ := net.IPMask(m[:]).Size()
		if ones == 0 && !gateway.IsUnspecified() {
			h.Gateways = append(h.Gateways, gateway)
		}
		if isBridge(f[0]) && ones > 0 {
			h.Bridges[f[0]] = append(h.Bridges[f[0]], netip.PrefixFrom(destination, ones))
		}
	}
}

func hexAddr(text string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 4 {
		return netip.Addr{}, false
	}
	var octets [4]byte
	binary.NativeEndian.PutUint32(octets[:], binary.BigEndian.Uint32(raw))
	return netip.AddrFrom4(octets), true
}

// Hides says in whose name many may come from within a network, "" if nobody is known.
func (h Host) Hides(n netip.Prefix) string {
	for _, g := range h.Gateways {
		if n.Contains(g) {
			return fmt.Sprintf("the default gateway %s: whoever it forwards may come by its address", g)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Bridges)) {
		for _, b := range h.Bridges[name] {
			if n.Overlaps(b) {
				return fmt.Sprintf("the container bridge %s (%s): everybody outside may come by its addresses", name, b)
			}
		}
	}
	for _, own := range h.Own {
		if n.Contains(own) && !own.IsLoopback() {
			return fmt.Sprintf("this machine's own address %s: every program here, and whoever it forwards, comes by it", own)
		}
	}
	return ""
}

// readHost is the seam for tests.
var readHost = ReadHost

// hidden looks for devices' networks in which others could hide. It is told apart from what is wrong with the file: it may come true while the service runs, which then goes on and lets
// nobody from there send outside.
func (c *checker) hidden() {
	var host *Host
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Listeners)) {
		l := c.cfg.Listeners[name]
		for i, p := range l.Allow {
			if l.Role != RoleDevices || !p.IsValid() || !l.Outside {
				continue
			}
			if host == nil {
				h := readHost()
				host = &h
				if h.Err != nil {
					c.src.dangers = append(c.src.dangers, finding{whole: true, text: "whether others hide behind devices' addresses is not known: " + h.Err.Error(), hint: "see why, or say outside = false of " + name})
				}
			}
			if who := host.Hides(p); who != "" {
				at, found := c.place(fmt.Sprintf("listeners.%s.allow[%d]", name, i))
				c.src.dangers = append(c.src.dangers, finding{at: at, whole: !found, text: fmt.Sprintf("%s holds %s", p, who), hint: "name the devices' own addresses, or say outside = false"})
			}
		}
	}
}
