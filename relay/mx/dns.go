package mx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// patience is how long one resolver is waited for, in one try.
const patience = 5 * time.Second

// resolver asks recursive resolvers.
type resolver struct {
	servers []string // host:port; none: those of resolv.conf
	conf    string   // path of resolv.conf
}

// answer is what a resolver says of one name and type.
type answer struct {
	records []dns.RR // of the type that was asked for; none where there are none, or no such name
	secure  bool     // validated, by a resolver whom we believe (RFC 4035 §3.2.3)
}

// ask asks the resolvers in turn, twice. An error is always temporary.
func (r resolver) ask(ctx context.Context, name string, kind uint16) (answer, error) {
	servers, vouched, err := r.who()
	if err != nil {
		return answer{}, err
	}
	for range 2 {
		for _, server := range servers {
			var a answer
			if a, err = query(ctx, server, name, kind); err == nil {
				a.secure = a.secure && (vouched || onLoopback(server))
				return a, nil
			}
			if ctx.Err() != nil {
				return answer{}, context.Cause(ctx)
			}
		}
	}
	return answer{}, fmt.Errorf("asking DNS for %s of %s: %w", dns.TypeToString[kind], name, err)
}

// who are the resolvers; vouched for are those that were configured.
func (r resolver) who() (servers []string, vouched bool, _ error) {
	if len(r.servers) > 0 {
		return r.servers, true, nil
	}
	conf, err := dns.ClientConfigFromFile(r.conf)
	if err != nil {
		return nil, false, err
	}
	for _, host := range conf.Servers {
		servers = append(servers, net.JoinHostPort(host, conf.Port))
	}
	if len(servers) == 0 {
		return nil, false, fmt.Errorf("%s names no resolver", r.conf)
	}
	return servers, false, nil
}

func onLoopback(server string) bool {
	at, err := netip.ParseAddrPort(server)
	return err == nil && at.Addr().IsLoopback()
}

func query(ctx context.Context, server, name string, kind uint16) (answer, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	q.AuthenticatedData = true // tell us whether it was validated (RFC 6840 §5.7)
	q.SetEdns0(1232, true)
	reply, err := exchange(ctx, "udp", server, q)
	if err == nil && reply.Truncated {
		reply, err = exchange(ctx, "tcp", server, q)
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{secure: reply.AuthenticatedData}
	for _, record := range reply.Answer {
		if record.Header().Rrtype == kind {
			a.records = append(a.records, record)
		}
	}
	return a, nil
}

// exchange believes what answers the question, and only that there is or is not such a record.
func exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := dns.Client{Net: network, Timeout: patience}
	reply, _, err := client.ExchangeContext(ctx, q, server)
	switch {
	case err != nil:
		return nil, err
	case !reply.Response || len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, q.Question[0].Name) || reply.Question[0].Qtype != q.Question[0].Qtype:
		return nil, errors.New("the resolver answered another question")
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return nil, errors.New(dns.RcodeToString[reply.Rcode])
	}
	return reply, nil
}

// addresses of a host, IPv4 first: senders of old are known by theirs. secure: all that was said of them was.
func (r resolver) addresses(ctx context.Context, host string) (all []netip.Addr, secure bool, err error) {
	four, err := r.ask(ctx, host, dns.TypeA)
	if err != nil {
		return nil, false, err
	}
	six, err := r.ask(ctx, host, dns.TypeAAAA)
	if err != nil {
		return nil, false, err
	}
	for _, record := range append(four.records, six.records...) {
		var ip net.IP
		switch record := record.(type) {
		case *dns.A:
			ip = record.A
		case *dns.AAAA:
			ip = record.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			all = append(all, a.Unmap())
		}
	}
	return all, four.secure && six.secure, nil
}

// texts are the TXT records of a name, each in one piece.
func (r resolver) texts(ctx context.Context, name string) ([]string, error) {
	a, err := r.ask(ctx, name, dns.TypeTXT)
	var all []string
	for _, record := range a.records {
		if txt, ok := record.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all, err
}
