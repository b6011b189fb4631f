package testserver

import (
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Manner is how a Nameserver behaves.
type Manner int

const (
	Answering   Manner = iota // as it should
	Silent                    // no answer at all
	Refusing                  // REFUSED: it does not know the zone
	Failing                   // SERVFAIL
	Unsure                    // answers, and not authoritatively
	Truncating                // by UDP only the beginning; by TCP all
	Misanswered               // answers to another question than was asked
)

// Nameserver is an authoritative server of one zone, by UDP and TCP. What does not stand in its zone does not exist; aliases are not followed.
type Nameserver struct {
	*DNS

	mu        sync.Mutex
	zone      string
	names     map[string]bool
	manner    Manner
	recursion int
}

// NewNameserver prepares a server of a zone.
func NewNameserver(zone string) *Nameserver {
	return &Nameserver{DNS: NewDNS(), zone: strings.ToLower(strings.TrimSuffix(zone, "."))}
}

// StartAt listens at an address, until Stop.
func (n *Nameserver) StartAt(address string) error { return n.listen(address, n) }

// Load replaces the zone with that of a zone file.
func (n *Nameserver) Load(text string) error {
	records := map[string][]dns.RR{}
	names := map[string]bool{}
	p := dns.NewZoneParser(strings.NewReader(text), n.zone+".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		key := dnsKey(rr.Header().Name, dns.TypeToString[rr.Header().Rrtype])
		records[key] = append(records[key], rr)
		names[strings.ToLower(strings.TrimSuffix(rr.Header().Name, "."))] = true
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("loading the zone %s: %w", n.zone, err)
	}
	n.mu.Lock()
	n.names = names
	n.mu.Unlock()
	n.DNS.mu.Lock()
	n.DNS.records = records
	n.DNS.mu.Unlock()
	return nil
}

// Behave changes its manner from now on.
func (n *Nameserver) Behave(m Manner) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.manner = m
}

// Recursion is how many questions asked it to ask others, which is not its work.
func (n *Nameserver) Recursion() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.recursion
}

// ServeDNS answers one question.
func (n *Nameserver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if q.RecursionDesired {
		n.recursion++
	}
	reply := new(dns.Msg).SetReply(q)
	reply.Authoritative = n.manner != Unsure
	switch n.manner {
	case Silent:
		return
	case Refusing:
		reply.Rcode, reply.Authoritative = dns.RcodeRefused, false
	case Failing:
		reply.Rcode, reply.Authoritative = dns.RcodeServerFailure, false
	case Misanswered:
		reply.Question[0].Name = "other." + n.zone + "."
	default:
		n.fill(reply)
	}
	if w.RemoteAddr().Network() == "udp" {
		reply.Truncate(room(q))
		if n.manner == Truncating {
			reply.Truncated, reply.Answer = true, nil
		}
	}
	_ = w.WriteMsg(reply)
}

// room is how large an answer by UDP may be.
func room(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return int(opt.UDPSize())
	}
	return dns.MinMsgSize
}

func (n *Nameserver) fill(reply *dns.Msg) {
	name := strings.ToLower(strings.TrimSuffix(reply.Question[0].Name, "."))
	found, failing := n.lookup(name, dns.TypeToString[reply.Question[0].Qtype])
	switch {
	case failing:
		reply.Rcode, reply.Authoritative = dns.RcodeServerFailure, false
	case name != n.zone && !strings.HasSuffix(name, "."+n.zone):
		reply.Rcode, reply.Authoritative = dns.RcodeRefused, false
	case n.delegated(name, reply):
	case len(found) > 0:
		reply.Answer = found
	case !n.exists(name):
		reply.Rcode = dns.RcodeNameError
	}
}

// lookup finds the records of a name and type, or an alias.
func (n *Nameserver) lookup(name, kind string) (found []dns.RR, failing bool) {
	n.DNS.mu.Lock()
	defer n.DNS.mu.Unlock()
	n.DNS.asked[dnsKey(name, kind)]++
	if n.DNS.failing[dnsKey(name, kind)] {
		return nil, true
	}
	if found = n.DNS.records[dnsKey(name, kind)]; len(found) == 0 {
		found = n.DNS.records[dnsKey(name, "CNAME")]
	}
	return found, false
}

// delegated refers to the servers of a zone below.
func (n *Nameserver) delegated(name string, reply *dns.Msg) bool {
	n.DNS.mu.Lock()
	defer n.DNS.mu.Unlock()
	for ; name != n.zone && name != ""; _, name, _ = strings.Cut(name, ".") {
		if below := n.DNS.records[dnsKey(name, "NS")]; len(below) > 0 {
			reply.Ns, reply.Authoritative = below, false
			for _, r := range below {
				reply.Extra = append(reply.Extra, n.DNS.records[dnsKey(r.(*dns.NS).Ns, "A")]...)
			}
			return true
		}
	}
	return false
}

func (n *Nameserver) exists(name string) bool {
	for known := range n.names {
		if known == name || strings.HasSuffix(known, "."+name) {
			return true
		}
	}
	return false
}

// listen serves by UDP and TCP at the same address.
func (d *DNS) listen(address string, h dns.Handler) error {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("starting the DNS test server: %w", err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		_ = tcp.Close()
		return fmt.Errorf("starting the DNS test server: %w", err)
	}
	d.addr = tcp.Addr().String()
	d.servers = []*dns.Server{{Listener: tcp, Handler: h}, {PacketConn: udp, Handler: h}}
	for _, s := range d.servers {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		d.work.Go(func() { _ = s.ActivateAndServe() })
		<-up
	}
	return nil
}
