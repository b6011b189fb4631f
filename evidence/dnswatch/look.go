package dnswatch

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// Config is what a Watcher needs. Only Now is required.
type Config struct {
	// Resolvers are asked beside the authoritative servers, as host:port. Without any those of ResolvConf are.
	Resolvers []string
	// Servers are taken as authoritative instead of those that NS records name, as host:port.
	Servers []string
	// Selectors of DKIM keys.
	Selectors []string
	// Policy fetches a domain's MTA-STS policy and tells which of the hosts it does not list; nil: policies are not looked at.
	Policy func(ctx context.Context, domain string, hosts []string) (mode string, unlisted []string, _ error)
	// Now tells the time that a Snapshot bears.
	Now func() time.Time

	ResolvConf string        // /etc/resolv.conf by default
	Port       uint16        // of authoritative servers found by NS; 53 by default
	Patience   time.Duration // with one try at one server; 5 s by default
}

// Watcher asks DNS. Safe for concurrent use.
type Watcher struct {
	cfg Config

	mu          sync.Mutex
	delegations map[string]delegation // by zone
}

// New makes a Watcher. It asks nothing.
func New(cfg Config) *Watcher {
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = "/etc/resolv.conf"
	}
	if cfg.Port == 0 {
		cfg.Port = 53
	}
	if cfg.Patience == 0 {
		cfg.Patience = 5 * time.Second
	}
	return &Watcher{cfg: cfg, delegations: map[string]delegation{}}
}

// Look asks everybody about a domain, in ASCII. What fails stands in the Snapshot. The Snapshot bears the time at its end: what was seen was so at the latest then.
func (w *Watcher) Look(ctx context.Context, domain string) Snapshot {
	s := Snapshot{Domain: domain}
	resolvers, err := w.resolvers()
	var f found
	if err == nil || len(w.cfg.Servers) > 0 {
		f, err = w.authoritative(ctx, slices.Clone(resolvers), domain)
	}
	if err != nil {
		s.Err = err.Error()
	}
	s.Zone, s.Complete, s.Delegation = f.zone, f.complete, f.delegation
	all := append(f.servers, resolvers...)
	mx := Key{domain, "MX"}
	s.Views = w.each(make([]View, len(all)), all, func(one server, _ View) View { return w.first(ctx, one, s.Zone, mx) })
	s.Views, all = reachable(s.Views, all)
	exchangers := union(s.Views, mx)
	rest := w.questions(domain, exchangers)
	s.Views = w.each(s.Views, all, func(one server, v View) View { return w.further(ctx, one, v, s.Zone, rest) })
	s.Policy = w.policy(ctx, s, exchangers)
	s.At = w.cfg.Now()
	return s
}

// each asks all servers side by side.
func (w *Watcher) each(views []View, all []server, ask func(server, View) View) []View {
	var work sync.WaitGroup
	for i, one := range all {
		work.Go(func() { views[i] = ask(one, views[i]) })
	}
	work.Wait()
	return views
}

// first asks for what tells whether the server is there at all, and for the MX records.
func (w *Watcher) first(ctx context.Context, s server, zone string, mx Key) View {
	v := View{Server: s.name, Authoritative: s.authoritative, Answers: map[Key]Answer{}}
	if s.authoritative {
		reply, err := w.exchange(ctx, s, zone, dns.TypeSOA)
		if err == nil {
			_, err = read(s, reply, dns.TypeSOA)
		}
		if err != nil {
			return v.failed(err)
		}
		v.Serial = serial(reply)
	}
	a, err := w.ask(ctx, s, mx)
	if err != nil && !s.authoritative {
		return v.failed(err)
	}
	v.Answers[mx] = a
	return v
}

// failed notes why a server told nothing.
func (v View) failed(err error) View {
	v.Err, v.Lame = err.Error(), errors.Is(err, errLame)
	if errors.Is(err, syscall.ENETUNREACH) {
		v.Err = unreachable
	}
	return v
}

// unreachable is why a server was not asked: there is no way from here to its kind of address.
const unreachable = "network is unreachable"

// reachable leaves out authoritative servers by IPv6 where there is none here: that says nothing of them.
func reachable(views []View, all []server) ([]View, []server) {
	var v []View
	var s []server
	for i := range views {
		at, err := netip.ParseAddrPort(all[i].address)
		if err == nil && at.Addr().Is6() && views[i].Err == unreachable {
			continue
		}
		v, s = append(v, views[i]), append(s, all[i])
	}
	return v, s
}

// ask puts one question; an Answer that is not known says so itself as well.
func (w *Watcher) ask(ctx context.Context, s server, key Key) (Answer, error) {
	kind := dns.StringToType[key.Type]
	reply, err := w.exchange(ctx, s, key.Name, kind)
	var a Answer
	if err == nil {
		a, err = read(s, reply, kind)
	}
	if err != nil {
		return Answer{Err: err.Error()}, err
	}
	if key.Type == "TXT" {
		a.Values = slices.DeleteFunc(a.Values, func(text string) bool { return !strings.HasPrefix(text, "CNAME ") && !key.concerns(text) })
	}
	return a, nil
}

// further asks for the rest, those who answered the first question. A server that falls silent is not waited for again and again.
func (w *Watcher) further(ctx context.Context, s server, v View, zone string, keys []Key) View {
	if v.Err != "" {
		return v
	}
	silent := 0
	for _, key := range keys {
		if s.authoritative && !within(key.Name, zone) {
			continue
		}
		if silent >= 2 {
			v.Answers[key] = Answer{Err: errSilent.Error()}
			continue
		}
		a, err := w.ask(ctx, s, key)
		if errors.Is(err, errElsewhere) {
			continue // the resolvers know
		}
		if silent++; !errors.Is(err, errSilent) {
			silent = 0
		}
		v.Answers[key] = a
	}
	return v
}

func serial(reply *dns.Msg) uint32 {
	for _, r := range reply.Answer {
		if soa, ok := r.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	return 0
}

// union is every MX host that an authoritative server names, or else a resolver. Without MX records the domain itself is one (RFC 5321 §5.1).
func union(views []View, mx Key) []string {
	var all []string
	for _, authoritative := range []bool{true, false} {
		for _, v := range views {
			if a, ok := v.Answers[mx]; ok && a.Err == "" && v.Authoritative == authoritative {
				all = append(all, exchangers(mx.Name, a.Values)...)
			}
		}
		if len(all) > 0 {
			break
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// exchangers are the hosts of a domain's MX records.
func exchangers(domain string, records []string) []string {
	if len(records) == 0 {
		return []string{domain}
	}
	return hosts(records)
}

func (w *Watcher) policy(ctx context.Context, s Snapshot, exchangers []string) Policy {
	published := slices.ContainsFunc(s.Views, func(v View) bool { return len(v.Answers[stsKey(s.Domain)].Values) > 0 })
	if w.cfg.Policy == nil || !published {
		return Policy{}
	}
	mode, unlisted, err := w.cfg.Policy(ctx, s.Domain, exchangers)
	if err != nil {
		return Policy{Err: err.Error()}
	}
	return Policy{Mode: mode, Unlisted: unlisted}
}
