package sendercheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"posthouse/internal/clock"
)

const (
	listPatience = 2 * time.Second // for all lists together: somebody may be waiting
	remembered   = 5 * time.Minute
	maxKnown     = 10_000
)

// lists are DNSBLs (RFC 5782). An answer is remembered for a while; no answer is none.
type lists struct {
	dns   dns
	names []string
	clock clock.Clock

	mu    sync.Mutex
	known map[netip.Addr]listing
}

type listing struct {
	on    []string
	until time.Time
}

func newLists(d dns, names []string, c clock.Clock) *lists {
	return &lists{dns: d, names: names, clock: c, known: map[netip.Addr]listing{}}
}

// listed are the names of the lists that have an address.
func (l *lists) listed(ctx context.Context, client netip.Addr) []string {
	if len(l.names) == 0 {
		return nil
	}
	if on, fresh := l.recall(client); fresh {
		return on
	}
	on, sure := l.ask(ctx, client)
	if sure {
		l.remember(client, on)
	}
	return on
}

// ask asks all lists at once. It is sure if every one answered.
func (l *lists) ask(ctx context.Context, client netip.Addr) (on []string, sure bool) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	has, errs := make([]bool, len(l.names)), make([]error, len(l.names))
	var all sync.WaitGroup
	for i, name := range l.names {
		all.Go(func() { has[i], errs[i] = l.has(ctx, name, client) })
	}
	all.Wait()
	for i, name := range l.names {
		if has[i] {
			on = append(on, name)
		}
	}
	return on, errors.Join(errs...) == nil
}

func (l *lists) has(ctx context.Context, list string, client netip.Addr) (bool, error) {
	answers, err := l.dns.LookupIPAddr(ctx, reversed(client)+"."+list)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil && len(answers) > 0 && !slices.ContainsFunc(answers, isNoAnswer), err
}

// isNoAnswer tells addresses that say nothing: the list's domain was sold, or it does not answer our resolver (127.255.255/24).
func isNoAnswer(a net.IPAddr) bool {
	ip, ok := netip.AddrFromSlice(a.IP)
	ip = ip.Unmap()
	return !ok || !says.Contains(ip) || refuses.Contains(ip)
}

var says, refuses = netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("127.255.255.0/24")

func (l *lists) recall(client netip.Addr) ([]string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, known := l.known[client]
	return k.on, known && l.clock.Now().Before(k.until)
}

func (l *lists) remember(client netip.Addr, on []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxKnown {
		clear(l.known)
	}
	l.known[client] = listing{on, l.clock.Now().Add(remembered)}
}

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
