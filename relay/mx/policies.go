package mx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"sync"
	"time"
)

type clockFunc = func() time.Time

const (
	maxPolicy   = 64 << 10         // octets (RFC 8461 §3.3 suggests so much)
	policyTime  = 15 * time.Second // for a fetch, and no message waits longer for one
	policyPause = 5 * time.Minute  // between fetches that failed (RFC 8461 §3.3)
	maxPolicies = 1000
)

// policies fetches and keeps MTA-STS policies.
type policies struct {
	dns  resolver
	http *http.Client
	now  clockFunc

	mu   sync.Mutex
	kept map[string]*keptPolicy
}

// keptPolicy is what is known of one domain. Its lock is held while the policy is being fetched: whoever needs it too waits for that.
type keptPolicy struct {
	mu    sync.Mutex
	id    string
	fresh time.Time // until then its id alone is asked for
	until time.Time
	retry time.Time
	policy
}

func newPolicies(cfg Config, r resolver) *policies {
	p := &policies{dns: r, now: cfg.Now, kept: map[string]*keptPolicy{}}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return p.connect(ctx, host, cfg.PolicyPort)
	}
	p.http = &http.Client{
		Transport:     &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // RFC 8461 §3.3: 3xx is no policy
		Timeout:       policyTime,
	}
	return p
}

// connect finds the host with our own resolvers, as everything else here.
func (p *policies) connect(ctx context.Context, host string, port uint16) (net.Conn, error) {
	addresses, _, err := p.dns.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s has no address", host)
	for _, a := range addresses[:min(len(addresses), maxAddresses)] {
		var c net.Conn
		if c, err = new(net.Dialer).DialContext(ctx, "tcp", hostPort(a.String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// of is the policy of a domain. One that cannot be had is none (RFC 8461 §5); one that was had stays until it is too old, or until another takes its place.
func (p *policies) of(ctx context.Context, domain string) policy {
	k := p.place(domain)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := p.now()
	if !now.Before(k.until) {
		k.policy, k.id = policy{}, ""
	}
	records, err := p.dns.texts(ctx, "_mta-sts."+domain)
	id := policyID(records)
	if err != nil || id == "" || id == k.id && now.Before(k.fresh) || now.Before(k.retry) {
		return k.policy
	}
	got, err := p.fetch(ctx, domain)
	if err != nil {
		k.retry = now.Add(policyPause)
		return k.policy
	}
	k.policy, k.id, k.fresh, k.until, k.retry = got, id, now.Add(got.maxAge/2), now.Add(got.maxAge), time.Time{}
	return k.policy
}

func (p *policies) place(domain string) *keptPolicy {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.kept[domain]; k != nil {
		return k
	}
	for other := range p.kept {
		if len(p.kept) < maxPolicies {
			break
		}
		delete(p.kept, other)
	}
	p.kept[domain] = new(keptPolicy)
	return p.kept[domain]
}

func (p *policies) fetch(ctx context.Context, domain string) (policy, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return policy{}, err
	}
	reply, err := p.http.Do(request)
	if err != nil {
		return policy{}, err
	}
	defer reply.Body.Close()
	kind, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	if reply.StatusCode != http.StatusOK || kind != "text/plain" {
		return policy{}, fmt.Errorf("HTTP %d, %s", reply.StatusCode, kind)
	}
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxPolicy+1))
	switch {
	case err != nil:
		return policy{}, err
	case len(text) > maxPolicy:
		return policy{}, errors.New("the policy is too long")
	}
	return parsePolicy(string(text))
}
