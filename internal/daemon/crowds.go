package daemon

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

const (
	crowdNames  = 5              // unrelated EHLO names from one private address within crowdWithin: many clients, and nobody can tell who
	crowdWithin = 24 * time.Hour //
	crowdMost   = 1000           // addresses that are remembered, the latest
)

// crowds notices clients hidden behind a private address: a router that masquerades, a container's bridge, a forwarder on this machine. Who comes from there gets no rights by address, and is not
// limited by it either. Its memory is bounded; its methods may be called from any goroutine.
type crowds struct {
	mu    sync.Mutex
	at    map[netip.Addr]*list.Element
	order list.List // of *crowd, the latest in front
}

type crowd struct {
	addr  netip.Addr
	names []greeted // unrelated ones, the latest in front, crowdNames at most
}

type greeted struct {
	name string
	at   time.Time
}

// saw notes by what name a client greeted.
func (c *crowds) saw(addr netip.Addr, helo string, now time.Time) {
	addr = addr.Unmap().WithZone("")
	name := unrelated(helo)
	if !mayHide(addr) || name == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.get(addr)
	one.names = slices.DeleteFunc(one.names, func(g greeted) bool { return g.name == name })
	one.names = append([]greeted{{name, now}}, one.names[:min(len(one.names), crowdNames-1)]...)
}

func (c *crowds) get(addr netip.Addr) *crowd {
	if e := c.at[addr]; e != nil {
		c.order.MoveToFront(e)
		return e.Value.(*crowd)
	}
	if c.at == nil {
		c.at = map[netip.Addr]*list.Element{}
	}
	if len(c.at) >= crowdMost {
		delete(c.at, c.order.Remove(c.order.Back()).(*crowd).addr)
	}
	one := &crowd{addr: addr}
	c.at[addr] = c.order.PushFront(one)
	return one
}

// hidden reports whether many hide behind the address.
func (c *crowds) hidden(addr netip.Addr, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.at[addr.Unmap().WithZone("")]
	return e != nil && e.Value.(*crowd).isOne(now)
}

func (c *crowd) isOne(now time.Time) bool {
	return len(c.names) == crowdNames && now.Sub(c.names[crowdNames-1].at) < crowdWithin
}

// all are the addresses that many hide behind, in order.
func (c *crowds) all(now time.Time) []control.Hidden {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []control.Hidden
	for e := c.order.Front(); e != nil; e = e.Next() {
		one := e.Value.(*crowd)
		if !one.isOne(now) {
			continue
		}
		h := control.Hidden{Address: one.addr.String(), Last: one.names[0].at}
		for _, g := range one.names {
			h.Names = append(h.Names, g.name)
		}
		found = append(found, h)
	}
	slices.SortFunc(found, func(a, b control.Hidden) int { return strings.Compare(a.Address, b.Address) })
	return found
}

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// mayHide: a public address has one owner, who answers for it.
func mayHide(a netip.Addr) bool {
	return a.IsValid() && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || carrierGrade.Contains(a))
}

// unrelated is the part of an EHLO name that those of one organisation have in common: its last two labels; of a bare name, all of it.
func unrelated(helo string) string {
	name := strings.ToLower(strings.Trim(helo, "."))
	if strings.HasPrefix(name, "[") {
		return name
	}
	labels := strings.Split(name, ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// hiddenText says it for people.
func hiddenText(h control.Hidden) string {
	return fmt.Sprintf("clients are hidden behind %s (%s, … greeted from there within a day): who sends there cannot be named, may not send outside, and has no limit of its own; let the router keep their addresses, or use the PROXY protocol",
		h.Address, strings.Join(h.Names[:2], ", "))
}

// crowdsOf is what the verdicts are told of them.
func crowdsOf(all []control.Hidden) (told []evidence.Crowd) {
	for _, h := range all {
		told = append(told, evidence.Crowd{Address: h.Address, Names: h.Names})
	}
	return told
}
