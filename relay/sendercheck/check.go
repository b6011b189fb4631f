package sendercheck

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"blitiri.com.ar/go/spf"

	"posthouse/internal/clock"
)

// Resolver is DNS, as *net.Resolver asks it.
type Resolver = spf.DNSResolver

// Config is everything a Checker needs.
type Config struct {
	DNS      Resolver      // nil: the system's
	Patience time.Duration // for all questions about one message; 0: 10 s
	Lists    []string      // domains of the DNSBLs that are asked
	// Loopback: clients on this machine are strangers as well. For tests; otherwise whoever connects from here hides the true client.
	Loopback bool
	Clock    clock.Clock // nil: the real one
}

// Checker finds out about senders. Safe for concurrent use.
type Checker struct {
	dns      dns
	patience time.Duration
	loopback bool
	lists    lists
}

// New makes a Checker.
func New(cfg Config) *Checker {
	if cfg.DNS == nil {
		cfg.DNS = net.DefaultResolver
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 10 * time.Second
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	asked := dns{cfg.DNS, newMemory(cfg.Clock)}
	return &Checker{asked, cfg.Patience, cfg.Loopback, lists{asked, cfg.Lists}}
}

// Sender is whom a message came from, as the SMTP dialog told it.
type Sender struct {
	Client netip.Addr // the zero Addr where that says nothing: then nothing is asked about it
	Helo   string
	From   string // the reverse path; "" is the null sender
}

// Check finds out all about one message, which is read once. Everything is asked as soon as its header is there: so a message may be checked while it comes, and nobody escapes who sends it slowly.
func (c *Checker) Check(ctx context.Context, s Sender, message io.Reader) (f Facts) {
	defer survive()
	r := bufio.NewReaderSize(message, 4<<10)
	head, err := readHeader(r)
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	f.Listed = c.Listed(ctx, s.Client)
	c.spf(ctx, s, &f)
	if err != nil {
		f.DKIM = []Signature{{Result: Neutral}}
		return f
	}
	policy := c.policyFor(ctx, head, &f)
	f.DKIM = c.dkim(ctx, head, io.MultiReader(bytes.NewReader(head.raw), r))
	align(policy, &f)
	return f
}

// SPF finds out about the envelope alone.
func (c *Checker) SPF(ctx context.Context, s Sender) Facts {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	var f Facts
	c.spf(ctx, s, &f)
	return f
}

// Listed returns the lists that have an address.
func (c *Checker) Listed(ctx context.Context, client netip.Addr) []string {
	if client = client.Unmap(); !c.outside(client) {
		return nil
	}
	return c.lists.listed(ctx, client)
}

func (c *Checker) spf(ctx context.Context, s Sender, f *Facts) {
	ip := s.Client.Unmap()
	if !c.outside(ip) {
		return
	}
	f.ByHelo, f.SPFDomain = s.From == "", domainOf(s.From)
	if f.ByHelo {
		f.SPFDomain = s.Helo
	}
	f.SPF = TempError
	defer survive()
	result, _ := spf.CheckHostWithSender(net.IP(ip.AsSlice()), s.Helo, s.From, spf.WithContext(ctx), spf.WithResolver(c.dns)) // the result tells of the error
	f.SPF = Result(result)
}

// survive lets a result stand as it is when a library stumbles over what a stranger wrote.
func survive() { _ = recover() }

// outside reports whether an address can be one that the world knows: what DNS says of others means nothing, and the true client may be hidden behind them.
func (c *Checker) outside(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() || c.loopback && ip.IsLoopback()
}
