package sendercheck_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthouse/relay/sendercheck"
)

// zone is a DNS of TXT and address records. A name that is there twice has two; "error" as a record is no answer, "silence" none before the question is given up.
type zone struct {
	txt   map[string][]string
	addr  map[string]string
	asked atomic.Int64
}

func (z *zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	z.asked.Add(1)
	name = strings.TrimSuffix(name, ".")
	records := z.txt[name]
	switch {
	case records == nil:
		return nil, &net.DNSError{Name: name, IsNotFound: true}
	case records[0] == "error":
		return nil, errors.New("the server failed")
	case records[0] == "silence":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return records, nil
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	z.asked.Add(1)
	switch a := z.addr[strings.TrimSuffix(name, ".")]; a {
	case "":
		return nil, &net.DNSError{Name: name, IsNotFound: true}
	case "error":
		return nil, errors.New("the server failed")
	default:
		return []net.IPAddr{{IP: net.ParseIP(a)}}, nil
	}
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	z.asked.Add(1)
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (z *zone) LookupAddr(_ context.Context, name string) ([]string, error) {
	z.asked.Add(1)
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

// keys of the sender: made once.
var keys = sync.OnceValues(func() (*rsa.PrivateKey, ed25519.PrivateKey) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	_, e, err2 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return r, e
})

func rsaRecord() string {
	r, _ := keys()
	public, err := x509.MarshalPKIXPublicKey(r.Public())
	if err != nil {
		panic(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
}

// hugeRecord has a key of 100,000 bits.
func hugeRecord() string {
	n := new(big.Int).SetBit(big.NewInt(1), 100_000, 1)
	public, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		panic(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
}

// world is where a.example has it all, and the others a part.
func world() *zone {
	_, e := keys()
	return &zone{
		txt: map[string][]string{
			"a.example": {"v=spf1 ip4:192.0.2.0/24 -all"}, "sub.a.example": {"v=spf1 ip4:192.0.2.0/24 -all"}, "soft.example": {"v=spf1 ~all"}, "two.example": {"v=spf1 -all", "v=spf1 +all"},
			"helo.example": {"v=spf1 ip4:192.0.2.1 -all"}, "loop.example": {"v=spf1 include:loop.example -all"}, "broken.example": {"error"}, "silent.example": {"silence"},
			"r._domainkey.a.example": {rsaRecord()}, "r._domainkey.sub.a.example": {rsaRecord()}, "r._domainkey.b.example": {rsaRecord()},
			"e._domainkey.a.example":      {"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(e.Public().(ed25519.PublicKey))},
			"r._domainkey.broken.example": {"error"}, "r._domainkey.silent.example": {"silence"}, "r._domainkey.huge.example": {hugeRecord()},
			"_dmarc.a.example": {"v=DMARC1; p=reject; sp=quarantine"}, "_dmarc.strict.example": {"v=DMARC1; p=reject; aspf=s; adkim=s"}, "_dmarc.partly.example": {"v=DMARC1; p=reject; pct=10"},
			"_dmarc.watch.example": {"v=DMARC1; p=none"}, "_dmarc.broken.example": {"error"}, "_dmarc.two.example": {"v=DMARC1; p=reject", "v=DMARC1; p=none"}, "_dmarc.bad.example": {"v=DMARC1; p=perhaps"},
			"_dmarc.xn--mller-kva.example": {"v=DMARC1; p=reject"}, "strict.example": {"v=spf1 ip4:192.0.2.0/24 -all"}, "sub.strict.example": {"v=spf1 ip4:192.0.2.0/24 -all"},
			"_dmarc.silent.example": {"v=DMARC1; p=reject"},
		},
		addr: map[string]string{},
	}
}

const text = "From: Anna <anna@a.example>\r\nTo: bob@ours.example\r\nSubject: hello\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\nHello Bob\r\n"

// from is the text, from somebody else.
func from(address string) string { return strings.Replace(text, "anna@a.example", address, 1) }

// signed puts a signature of a domain before a message.
func signed(t testing.TB, message, domain, selector string) string {
	t.Helper()
	r, e := keys()
	o := &dkim.SignOptions{Domain: domain, Selector: selector, Signer: r, HeaderCanonicalization: "relaxed", BodyCanonicalization: "relaxed", HeaderKeys: []string{"From", "To", "Subject"}}
	if selector == "e" {
		o.Signer = e
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(message), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func good() sendercheck.Sender {
	return sendercheck.Sender{Client: netip.MustParseAddr("192.0.2.1"), Helo: "helo.example", From: "anna@a.example"}
}

func checker(z *zone) *sendercheck.Checker { return sendercheck.New(sendercheck.Config{DNS: z}) }

func check(t testing.TB, s sendercheck.Sender, message string) sendercheck.Facts {
	t.Helper()
	return checker(world()).Check(t.Context(), s, reader(message))
}

// reader hides everything but reading.
func reader(message string) io.Reader { return struct{ io.Reader }{strings.NewReader(message)} }
