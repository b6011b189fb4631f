package sendercheck

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// listPatience is for all lists together: somebody may be waiting.
const listPatience = 2 * time.Second

// lists are DNSBLs (RFC 5782).
type lists struct {
	dns   dns
	names []string
}

// listed are the names of the lists that have an address. All are asked at once; no answer is none.
func (l lists) listed(ctx context.Context, client netip.Addr) (on []string) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	has := make([]bool, len(l.names))
	var all sync.WaitGroup
	for i, name := range l.names {
		all.Go(func() { has[i] = l.has(ctx, name, client) })
	}
	all.Wait()
	for i, name := range l.names {
		if has[i] {
			on = append(on, name)
		}
	}
	return on
}

func (l lists) has(ctx context.Context, list string, client netip.Addr) bool {
	answers, err := l.dns.LookupIPAddr(ctx, reversed(client)+"."+list)
	return err == nil && len(answers) > 0 && !slices.ContainsFunc(answers, isNoAnswer)
}

// isNoAnswer tells addresses that say nothing: the list's domain was sold, or it does not answer our resolver (127.255.255/24).
func isNoAnswer(a net.IPAddr) bool {
	ip, ok := netip.AddrFromSlice(a.IP)
	ip = ip.Unmap()
	return !ok || !says.Contains(ip) || refuses.Contains(ip)
}

var says, refuses = netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("127.255.255.0/24")

// reversed is an address as a name below a list (RFC 5782 §2.1, §2.4): octets, or half octets in IPv6, the last first.
func reversed(a netip.Addr) string {
	var parts []string
	for _, b := range a.AsSlice() {
		if a.Is4() {
			parts = append(parts, strconv.Itoa(int(b)))
		} else {
			parts = append(parts, fmt.Sprintf("%x.%x", b&15, b>>4)) // a pair that is reversed already
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}
