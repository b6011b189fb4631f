package mx

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// ErrNull: the domain says that it takes no mail (RFC 7505).
var ErrNull = errors.New("takes no mail (null MX)")

// ErrOurselves: the most preferred host is us.
var ErrOurselves = errors.New("leads to ourselves")

// Config is what a Finder needs.
type Config struct {
	// Servers are resolvers that validate (DNSSEC) and are believed, as host:port. Without any those of /etc/resolv.conf are asked, and believed on loopback only.
	Servers []string
	// Own reports whether a host of that name and address is ourselves; nil: none is.
	Own func(host string, at netip.AddrPort) bool
	// Roots verify those who publish MTA-STS policies; nil means the system's.
	Roots *x509.CertPool
	// PolicyPort is where policies are fetched; 443 by default.
	PolicyPort uint16
	// Now is the time by which policies grow old.
	Now func() time.Time
}

// Host is one address at which mail for a domain is taken.
type Host struct {
	Name string // as its certificate must carry it, where a rule wants that
	Addr netip.AddrPort
	Rule Rule
}

// Rule is what is demanded of TLS with a host.
type Rule struct {
	// By says who demands it, for people; empty: nobody does.
	By string
	// Verify looks at the session; nil: chain and name of the certificate are verified as usual.
	Verify func(tls.ConnectionState) error
	// Unverified: encryption alone is demanded.
	Unverified bool
}

// Finder finds hosts. Safe for concurrent use.
type Finder struct {
	cfg      Config
	dns      resolver
	policies *policies
}

// New makes a Finder. It asks nothing.
func New(cfg Config) *Finder {
	cfg.PolicyPort = cmp.Or(cfg.PolicyPort, 443)
	if cfg.Own == nil {
		cfg.Own = func(string, netip.AddrPort) bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := resolver{servers: cfg.Servers, conf: "/etc/resolv.conf"}
	return &Finder{cfg: cfg, dns: r, policies: newPolicies(cfg, r)}
}

const (
	maxHosts     = 5 // of a domain are looked at
	maxAddresses = 4 // of a host
)

// Find returns the hosts that take mail for a domain at the port, at least one, in the order in which they are to be tried. Errors are temporary but for those that match ErrNull.
func (f *Finder) Find(ctx context.Context, domain string, port uint16) ([]Host, error) {
	name, err := ascii(domain)
	if err != nil {
		return nil, fmt.Errorf("%q is no domain: %w", domain, err)
	}
	list, signed, err := f.exchangers(ctx, name)
	if err != nil {
		return nil, err
	}
	found := make([]sight, len(list))
	var all sync.WaitGroup
	for i, x := range list {
		all.Go(func() { found[i] = f.look(ctx, target{name, x.host, port}, signed) })
	}
	all.Wait()
	hosts, err := f.before(list, found)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return f.obey(ctx, name, hosts)
}

// ascii is the domain as DNS has it.
func ascii(domain string) (string, error) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if _, ok := dns.IsDomainName(domain); !ok || domain == "" || strings.ContainsAny(domain, " \\/:@") {
		return "", errors.New("DNS has no such names")
	}
	if strings.IndexFunc(domain, func(r rune) bool { return r > '~' }) < 0 {
		return domain, nil
	}
	return idna.Lookup.ToASCII(domain)
}

// exchanger is one MX record.
type exchanger struct {
	preference uint16
	host       string
}

// exchangers are the MX records in the order in which they are to be tried.
func (f *Finder) exchangers(ctx context.Context, domain string) (list []exchanger, signed bool, err error) {
	a, err := f.dns.ask(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil, false, err
	}
	for _, record := range a.records {
		if m, ok := record.(*dns.MX); ok {
			list = append(list, exchanger{m.Preference, strings.ToLower(strings.TrimSuffix(m.Mx, "."))})
		}
	}
	if len(list) == 1 && list[0].host == "" {
		return nil, false, fmt.Errorf("%s %w", domain, ErrNull)
	}
	list = slices.DeleteFunc(list, func(x exchanger) bool { return x.host == "" })
	if len(a.records) == 0 {
		list = []exchanger{{0, domain}} // RFC 5321 §5.1: the implicit MX
	}
	rand.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	slices.SortStableFunc(list, func(a, b exchanger) int { return cmp.Compare(a.preference, b.preference) })
	return list[:min(len(list), maxHosts)], a.secure, nil
}

// target is one host that may take mail for a domain.
type target struct {
	domain, host string
	port         uint16
}

// sight is what was found out about one host.
type sight struct {
	hosts []Host
	own   bool
	err   error
}

// look finds a host's addresses and what DANE demands of it.
func (f *Finder) look(ctx context.Context, to target, signed bool) (s sight) {
	addresses, secure, err := f.dns.addresses(ctx, to.host)
	if err != nil {
		return sight{err: err}
	}
	if len(addresses) == 0 {
		return sight{err: fmt.Errorf("%s has no address", to.host)}
	}
	var rule Rule
	if signed && secure {
		if rule, err = f.dane(ctx, to); err != nil {
			return sight{err: err}
		}
	}
	for _, a := range addresses[:min(len(addresses), maxAddresses)] {
		at := netip.AddrPortFrom(a, to.port)
		s.own = s.own || f.cfg.Own(to.host, at)
		s.hosts = append(s.hosts, Host{Name: to.host, Addr: at, Rule: rule})
	}
	return s
}

// before are the hosts that are more preferred than ourselves (RFC 5321 §5.1), of those that could be looked at.
func (f *Finder) before(list []exchanger, found []sight) ([]Host, error) {
	end := len(list)
	if i := slices.IndexFunc(found, func(s sight) bool { return s.own }); i >= 0 {
		end = slices.IndexFunc(list, func(x exchanger) bool { return x.preference == list[i].preference })
		if end == 0 {
			return nil, fmt.Errorf("%w: its host %s is us", ErrOurselves, list[i].host)
		}
	}
	var hosts []Host
	var errs []string
	for _, s := range found[:end] {
		hosts = append(hosts, s.hosts...)
		if s.err != nil {
			errs = append(errs, s.err.Error())
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("has no host that can be used: %s", strings.Join(errs, "; "))
	}
	return hosts, nil
}

// obey applies the domain's MTA-STS policy to the hosts of which DANE demands nothing.
func (f *Finder) obey(ctx context.Context, domain string, hosts []Host) ([]Host, error) {
	if !slices.ContainsFunc(hosts, func(h Host) bool { return h.Rule.By == "" }) {
		return hosts, nil
	}
	p := f.policies.of(ctx, domain)
	if p.mode != modeEnforce {
		return hosts, nil
	}
	by := "the MTA-STS policy of " + domain
	kept := slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return h.Rule.By == "" && !p.lists(h.Name) })
	if len(kept) == 0 {
		return nil, fmt.Errorf("%s allows none of its hosts: it does not list %s", by, hosts[0].Name)
	}
	for i := range kept {
		if kept[i].Rule.By == "" {
			kept[i].Rule.By = by
		}
	}
	return kept, nil
}

func hostPort(host string, port uint16) string { return net.JoinHostPort(host, fmt.Sprint(port)) }
