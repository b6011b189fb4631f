package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/relay"
	"posthouse/relay/arc"
)

// Resolver is DNS, as *net.Resolver asks it.
type Resolver = spf.DNSResolver

// maxSignatures is how many DKIM signatures of a message are looked at: each takes a question and a computation.
const maxSignatures = 10

// checks are what we find out about a message for those behind us, who cannot see any more where it came from.
type checks struct {
	dns Resolver
	// inside are the addresses of the old server: SPF says nothing of what it hands over.
	inside []netip.Prefix
}

func (d *Daemon) checks() checks {
	c := checks{d.opts.DNS, networks(d.cfg, func(l config.Listener) []netip.Prefix { return l.LegacyAddresses })}
	if c.dns == nil {
		c.dns = net.DefaultResolver
	}
	return c
}

// lookup asks for TXT records; only that there are none is an answer.
func (c checks) lookup(ctx context.Context, name string) ([]string, error) {
	records, err := c.dns.LookupTXT(ctx, name)
	var dns *net.DNSError
	if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
		return nil, fmt.Errorf("%w: %w", arc.ErrTemporary, err)
	}
	return records, err
}

// results are written as in Authentication-Results (RFC 8601), each on a line of its own.
func (c checks) results(ctx context.Context, m relay.Consignment) string {
	var all []string
	if r := c.spf(ctx, m); r != "" {
		all = append(all, r)
	}
	return strings.Join(append(all, c.dkim(ctx, m.Body)...), ";\r\n\t")
}

// spf is the sender's (RFC 7208) for the client that handed us the message from outside, "" for all others.
func (c checks) spf(ctx context.Context, m relay.Consignment) string {
	ip, err := netip.ParseAddr(m.Capture.Client.Addr)
	if err != nil || m.Capture.Route != cutover.Arriving || inNetworks(ip.Unmap(), c.inside) {
		return ""
	}
	from, helo := m.Capture.Envelope.From, m.Capture.Client.Name
	result, _ := spf.CheckHostWithSender(net.IP(ip.Unmap().AsSlice()), helo, from, spf.WithContext(ctx), spf.WithResolver(c.dns)) // the result tells of the error
	if from == "" {
		return fmt.Sprintf("spf=%s%s", result, property("smtp.helo", helo))
	}
	return fmt.Sprintf("spf=%s%s", result, property("smtp.mailfrom", cutover.Address(from).Domain()))
}

// dkim has one result for each signature (RFC 6376).
func (c checks) dkim(ctx context.Context, b relay.Body) []string {
	var found []*dkim.Verification
	err := reading(b, func(r io.Reader) (err error) {
		found, err = dkim.VerifyWithOptions(r, &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return c.dns.LookupTXT(ctx, name) }, MaxVerifications: maxSignatures,
		})
		return err
	})
	switch {
	case err != nil && !errors.Is(err, dkim.ErrTooManySignatures):
		return []string{"dkim=temperror"}
	case len(found) == 0:
		return []string{"dkim=none"}
	}
	var all []string
	for _, v := range found {
		all = append(all, "dkim="+dkimResult(v.Err)+property("header.d", v.Domain))
	}
	return all
}

func dkimResult(err error) string {
	switch {
	case err == nil:
		return "pass"
	case dkim.IsTempFail(err):
		return "temperror"
	case dkim.IsPermFail(err):
		return "permerror"
	}
	return "fail"
}

// property names whom a result is about. What a stranger wrote is left out unless it is a plain domain.
func property(name, domain string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
	}
	if domain == "" || len(domain) > 253 || strings.ContainsFunc(domain, func(r rune) bool { return !harmless(r) }) {
		return ""
	}
	return " " + name + "=" + domain
}
