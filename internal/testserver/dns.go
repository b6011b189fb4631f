package testserver

import (
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// DNS is a resolver that knows the records it was given and says that all of them are signed, unless it is told otherwise. It answers by UDP and TCP.
type DNS struct {
	addr    string
	servers []*dns.Server
	work    sync.WaitGroup

	mu       sync.Mutex
	records  map[string][]dns.RR // by name and type
	asked    map[string]int
	unsigned map[string]bool // names
	failing  map[string]bool // by name and type
	cut      bool
}

// NewDNS prepares a resolver.
func NewDNS() *DNS {
	return &DNS{records: map[string][]dns.RR{}, asked: map[string]int{}, unsigned: map[string]bool{}, failing: map[string]bool{}}
}

// Start listens until Stop.
func (d *DNS) Start() error { return d.listen("127.0.0.1:0", d) }

// Stop ends it.
func (d *DNS) Stop() {
	for _, s := range d.servers {
		_ = s.Shutdown()
	}
	d.work.Wait()
	d.servers = nil
}

// Addr is where it answers, host:port.
func (d *DNS) Addr() string { return d.addr }

// Add takes records as zone files have them, with absolute names: "new.example. MX 10 mx.new.example.".
func (d *DNS) Add(records ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			return err
		}
		key := dnsKey(rr.Header().Name, dns.TypeToString[rr.Header().Rrtype])
		d.records[key] = append(d.records[key], rr)
	}
	return nil
}

// Remove forgets the records of a name and type.
func (d *DNS) Remove(name, kind string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, dnsKey(name, kind))
}

// Fail answers SERVFAIL to questions for a name and type, or no longer.
func (d *DNS) Fail(name, kind string, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing[dnsKey(name, kind)] = on
}

// Unsigned takes the claim from a name that it is signed, or gives it back.
func (d *DNS) Unsigned(name string, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unsigned[strings.ToLower(name)] = on
}

// Truncate cuts all answers by UDP.
func (d *DNS) Truncate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
}

// Asked is how often a name and type were asked for.
func (d *DNS) Asked(name, kind string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[dnsKey(name, kind)]
}

func dnsKey(name, kind string) string {
	return strings.ToLower(strings.TrimSuffix(name, ".")) + " " + kind
}

// ServeDNS answers one question.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	reply := new(dns.Msg).SetReply(q)
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	key := dnsKey(name, dns.TypeToString[q.Question[0].Qtype])
	d.asked[key]++
	reply.Answer = d.records[key]
	reply.AuthenticatedData = q.AuthenticatedData && !d.unsigned[name]
	if d.failing[key] {
		reply.Rcode, reply.Answer = dns.RcodeServerFailure, nil
	}
	if d.cut && w.RemoteAddr().Network() == "udp" {
		reply.Truncated, reply.Answer = true, nil
	}
	_ = w.WriteMsg(reply)
}
