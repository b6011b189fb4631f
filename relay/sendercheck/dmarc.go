package sendercheck

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/mail"
	"strings"

	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// policyFor finds what the domain of From asks for. Without a policy the result of DMARC stands.
func (c *Checker) policyFor(ctx context.Context, h header, f *Facts) *dmarc.Record {
	if f.SPF == "" && len(h.all("dkim-signature")) == 0 {
		return nil // SPF was not asked, and could pass: only a signature tells
	}
	f.DMARC = PermError
	defer survive()
	if f.FromDomain = fromDomain(h); f.FromDomain == "" {
		return nil
	}
	record, of, result := c.policy(ctx, f.FromDomain)
	if record == nil {
		f.DMARC = result
		return nil
	}
	f.Policy = string(record.Policy)
	if of != f.FromDomain {
		f.Policy = string(cmp.Or(record.SubdomainPolicy, record.Policy))
	}
	f.Partly = record.Percent != nil && *record.Percent < 100
	return record
}

// align holds the other results against a policy.
func align(policy *dmarc.Record, f *Facts) {
	if policy == nil {
		return
	}
	defer survive()
	f.DMARC = aligned(policy, f)
}

// policy finds the record of a domain or of its organisation (RFC 7489 §6.6.3). Without one the result tells why.
func (c *Checker) policy(ctx context.Context, from string) (record *dmarc.Record, of string, without Result) {
	for _, of := range []string{from, organisation(from)} {
		texts, err := c.dns.LookupTXT(ctx, "_dmarc."+of)
		if err != nil && !isNotFound(err) {
			return nil, "", TempError
		}
		var ours []string
		for _, t := range texts {
			if version, _, _ := strings.Cut(t, ";"); strings.ReplaceAll(version, " ", "") == "v=DMARC1" {
				ours = append(ours, t)
			}
		}
		if len(ours) != 1 {
			continue
		}
		if record, err = dmarc.Parse(ours[0]); err != nil {
			return nil, "", PermError
		}
		return record, of, ""
	}
	return nil, "", None
}

// aligned (RFC 7489 §6.6): one result that passes and is of the domain of From is enough. What is not known yet could be that one.
func aligned(r *dmarc.Record, f *Facts) Result {
	unknown := false
	check := func(result Result, of string, mode dmarc.AlignmentMode) bool {
		fits := alike(of, f.FromDomain, mode)
		unknown = unknown || result == TempError && (fits || of == "")
		return fits && result == Pass
	}
	passes := check(f.SPF, f.SPFDomain, r.SPFAlignment)
	for _, s := range f.DKIM {
		passes = check(s.Result, s.Domain, r.DKIMAlignment) || passes
	}
	switch {
	case passes:
		return Pass
	case unknown:
		return TempError
	case f.SPF == "":
		return ""
	}
	return Fail
}

// alike compares two domains: as they are, or by their organisations.
func alike(a, b string, mode dmarc.AlignmentMode) bool {
	a, b = ascii(a), ascii(b)
	if mode == dmarc.AlignmentStrict {
		return a == b
	}
	return a != "" && organisation(a) == organisation(b)
}

// organisation is the domain that was registered (RFC 7489 §3.2). A public suffix is its own.
func organisation(name string) string {
	if registered, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return registered
	}
	return name
}

// fromDomain is the domain of the one author; "" where there is none, or several of different domains.
func fromDomain(h header) string {
	fields := h.all("from")
	if len(fields) != 1 {
		return ""
	}
	all, err := addresses.ParseList(strings.ReplaceAll(fields[0], "\r\n", ""))
	if err != nil {
		return ""
	}
	domain := ""
	for _, a := range all {
		d := domainOf(a.Address)
		if d == "" || domain != "" && d != domain {
			return ""
		}
		domain = d
	}
	return domain
}

// addresses reads names in whatever character set: they are not looked at.
var addresses = mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}}

// domainOf is an address's domain, as DNS writes it.
func domainOf(address string) string {
	return ascii(address[strings.LastIndexByte(address, '@')+1:])
}

// ascii is a domain as DNS writes it, in lower case; "" if it cannot be one.
func ascii(name string) string {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || domain(name) == "" || len(name) == 0 {
		return ""
	}
	return strings.ToLower(name)
}
