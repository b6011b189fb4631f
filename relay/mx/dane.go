package mx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// The usages of TLSA records that SMTP knows (RFC 7672 §3.1); the PKIX ones are unusable.
const (
	daneTA = 2 // the certificate of an issuer
	daneEE = 3 // the host's own
)

// association is one usable TLSA record.
type association struct {
	usage, selector, matching uint8
	data                      []byte
}

// dane is what signed TLSA records of the host demand. The caller has made sure that MX and addresses are signed. An error: nobody knows, so the host must not be used (RFC 7672 §2.1.2).
func (f *Finder) dane(ctx context.Context, to target) (Rule, error) {
	a, err := f.dns.ask(ctx, fmt.Sprintf("_%d._tcp.%s", to.port, to.host), dns.TypeTLSA)
	if err != nil {
		return Rule{}, err
	}
	if !a.secure || len(a.records) == 0 {
		return Rule{}, nil
	}
	by := "DANE of " + to.host
	var usable []association
	for _, record := range a.records {
		if t, ok := record.(*dns.TLSA); ok {
			if as, ok := usableTLSA(t); ok {
				usable = append(usable, as)
			}
		}
	}
	if len(usable) == 0 {
		return Rule{By: by, Unverified: true}, nil
	}
	return Rule{By: by, Verify: func(s tls.ConnectionState) error { return verify(usable, s.PeerCertificates, to, f.cfg.Now) }}, nil
}

func usableTLSA(t *dns.TLSA) (association, bool) {
	data, err := hex.DecodeString(t.Certificate)
	size := map[uint8]int{1: sha256.Size, 2: sha512.Size}[t.MatchingType]
	ok := err == nil && len(data) > 0 && (t.Usage == daneTA || t.Usage == daneEE) && t.Selector <= 1 && t.MatchingType <= 2 && (size == 0 || len(data) == size)
	return association{t.Usage, t.Selector, t.MatchingType, data}, ok
}

func (a association) matches(c *x509.Certificate) bool {
	octets := c.Raw
	if a.selector == 1 {
		octets = c.RawSubjectPublicKeyInfo
	}
	switch a.matching {
	case 1:
		sum := sha256.Sum256(octets)
		octets = sum[:]
	case 2:
		sum := sha512.Sum512(octets)
		octets = sum[:]
	}
	return bytes.Equal(octets, a.data)
}

var errNoMatch = errors.New("its certificate matches no TLSA record")

// verify demands that one record fits. An own certificate's name and dates say nothing (RFC 7672 §3.1.1); one that was issued must name the host or the domain, and be valid.
func verify(usable []association, chain []*x509.Certificate, to target, now clockFunc) error {
	if len(chain) == 0 {
		return errNoMatch
	}
	err := errNoMatch
	for _, a := range usable {
		if a.usage == daneEE {
			if a.matches(chain[0]) {
				return nil
			}
			continue
		}
		if anchor := a.anchor(chain); anchor != nil {
			if err = issued(chain, anchor, to, now); err == nil {
				return nil
			}
		}
	}
	return err
}

// anchor is the issuer that a record names: in the chain, or the record itself.
func (a association) anchor(chain []*x509.Certificate) *x509.Certificate {
	for _, c := range chain {
		if a.matches(c) {
			return c
		}
	}
	if a.selector == 0 && a.matching == 0 {
		if c, err := x509.ParseCertificate(a.data); err == nil {
			return c
		}
	}
	return nil
}

func issued(chain []*x509.Certificate, anchor *x509.Certificate, to target, now clockFunc) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(anchor)
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now()}); err != nil {
		return err
	}
	err := chain[0].VerifyHostname(to.host)
	if err != nil && chain[0].VerifyHostname(to.domain) == nil {
		return nil
	}
	return err
}
