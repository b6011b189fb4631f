package dnswatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// server is one to be asked.
type server struct {
	name          string // for people
	address       string // host:port
	authoritative bool
}

// exchange asks once, again if nothing came, and by TCP where the answer did not fit.
func (w *Watcher) exchange(ctx context.Context, s server, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	q.RecursionDesired = !s.authoritative
	q.SetEdns0(1232, false)
	reply, err := w.try(ctx, "udp", s.address, q)
	if err != nil && !errors.Is(err, syscall.ENETUNREACH) {
		reply, err = w.try(ctx, "udp", s.address, q)
	}
	if err == nil && reply.Truncated {
		reply, err = w.try(ctx, "tcp", s.address, q)
	}
	return reply, err
}

// try believes only what answers this question.
func (w *Watcher) try(ctx context.Context, network, address string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Patience)
	defer cancel()
	reply, err := transact(ctx, &dns.Client{Net: network, Timeout: w.cfg.Patience}, address, q)
	var late interface{ Timeout() bool }
	switch {
	case errors.As(err, &late) && late.Timeout(), err != nil && ctx.Err() != nil:
		return nil, errSilent
	case err != nil:
		return nil, err
	case !reply.Response || len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, q.Question[0].Name) || reply.Question[0].Qtype != q.Question[0].Qtype:
		return nil, errors.New("it answered another question")
	}
	return reply, nil
}

// transact ends at once when ctx does.
func transact(ctx context.Context, client *dns.Client, address string, q *dns.Msg) (*dns.Msg, error) {
	conn, err := client.DialContext(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	reply, _, err := client.ExchangeWithConnContext(ctx, q, conn)
	return reply, err
}

var (
	errSilent    = errors.New("no answer")
	errLame      = errors.New("it does not know the zone")
	errElsewhere = errors.New("the name is in another zone")
)

// read makes an Answer of a reply. An authoritative server that does not answer from its own zone says nothing.
func read(s server, reply *dns.Msg, kind uint16) (Answer, error) {
	switch {
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		if s.authoritative && (reply.Rcode == dns.RcodeRefused || reply.Rcode == dns.RcodeNotAuth) {
			return Answer{}, fmt.Errorf("%w (%s)", errLame, dns.RcodeToString[reply.Rcode])
		}
		return Answer{}, errors.New(dns.RcodeToString[reply.Rcode])
	case s.authoritative && !reply.Authoritative:
		if slices.ContainsFunc(reply.Ns, func(r dns.RR) bool { return r.Header().Rrtype == dns.TypeNS }) {
			return Answer{}, errElsewhere
		}
		return Answer{}, fmt.Errorf("%w (its answer is not authoritative)", errLame)
	}
	return answer(reply.Answer, kind), nil
}

// answer takes the records of the type. Where the name is an alias that is the answer: what it stands for is another zone's matter, and may be another one each time.
func answer(records []dns.RR, kind uint16) Answer {
	for _, r := range records {
		if c, ok := r.(*dns.CNAME); ok {
			return Answer{Values: []string{"CNAME " + host(c.Target)}, TTL: seconds(r)}
		}
	}
	a := Answer{Values: []string{}}
	for _, r := range records {
		if r.Header().Rrtype == kind {
			a.Values = append(a.Values, value(r))
			a.TTL = max(a.TTL, seconds(r))
		}
	}
	slices.SortFunc(a.Values, inOrder)
	a.Values = slices.Compact(a.Values)
	a.Values = a.Values[:min(len(a.Values), maxValues)]
	return a
}

// Bounds of an answer: it is kept, and shown.
const (
	maxValues = 50
	maxValue  = 2048 // octets; the key of 4,096 bits has 800
)

func seconds(r dns.RR) time.Duration { return time.Duration(r.Header().Ttl) * time.Second }

// value is a record as zone files have it, names in lower case and without the final dot, a text in one piece.
func value(r dns.RR) string {
	switch r := r.(type) {
	case *dns.MX:
		return fmt.Sprintf("%d %s", r.Preference, host(r.Mx))
	case *dns.NS:
		return host(r.Ns)
	case *dns.SRV:
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, host(r.Target))
	case *dns.TXT:
		text := strings.Join(r.Txt, "")
		return text[:min(len(text), maxValue)]
	}
	return strings.ToLower(strings.TrimPrefix(r.String(), r.Header().String()))
}

// host is a name as it is compared; the root stays a dot.
func host(name string) string {
	if name == "." {
		return name
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// inOrder compares the numbers that records begin with as numbers.
func inOrder(a, b string) int {
	if len(digits(a)) != len(digits(b)) && digits(a) != "" && digits(b) != "" {
		return len(digits(a)) - len(digits(b))
	}
	return strings.Compare(a, b)
}

func digits(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }
