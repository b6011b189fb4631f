package delivery

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"
)

// testBody is a body in memory that may lie about its size or break.
type testBody struct {
	bytes []byte
	claim int64 // -1: the truth
	fail  error // after the bytes, in place of their end
}

func newBody(s string) *testBody { return &testBody{bytes: []byte(s), claim: -1} }

func (b *testBody) Size() int64 {
	if b.claim >= 0 {
		return b.claim
	}
	return int64(len(b.bytes))
}

func (b *testBody) Open() (io.ReadCloser, error) {
	var r io.Reader = bytes.NewReader(b.bytes)
	if b.fail != nil {
		r = io.MultiReader(r, failingReader{b.fail})
	}
	return io.NopCloser(r), nil
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// pki is a CA with a server's and a client's certificate.
type pki struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	ca     *x509.Certificate
	roots  *x509.CertPool
	server *tls.Config
	client tls.Certificate
}

func testPKI(t *testing.T) *pki {
	p := &pki{t: t, key: newKey(t), roots: x509.NewCertPool()}
	template := certTemplate("test CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	p.ca = p.sign(template, template, &p.key.PublicKey)
	p.roots.AddCert(p.ca)
	p.client = p.issue("gate.old.example")
	p.server = &tls.Config{
		Certificates:           []tls.Certificate{p.issue("mx.new.example")},
		ClientCAs:              p.roots,
		ClientAuth:             tls.VerifyClientCertIfGiven,
		SessionTicketsDisabled: true, // written unasked: a pipe would block
	}
	return p
}

// trust sets whom the client trusts.
func (p *pki) trust(c *TLS, how string) {
	leaf := sha256.Sum256(p.server.Certificates[0].Certificate[0])
	other := sha256.Sum256(p.ca.Raw)
	c.Roots = x509.NewCertPool()
	switch how {
	case "pin":
		c.Fingerprints = []string{strings.ToUpper(hex.EncodeToString(other[:])), colons(leaf[:])}
	case "wrong-pin":
		c.Fingerprints = []string{colons(other[:])}
	case "skip":
		c.SkipVerify = true
	case "nobody":
	default:
		p.t.Fatalf("unknown trust %q", how)
	}
}

func colons(b []byte) string {
	var parts []string
	for _, c := range b {
		parts = append(parts, hex.EncodeToString([]byte{c}))
	}
	return strings.Join(parts, ":")
}

func (p *pki) clientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return &p.client, nil
}

func (p *pki) issue(name string) tls.Certificate {
	key := newKey(p.t)
	template := certTemplate(name)
	template.DNSNames = []string{name}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	cert := p.sign(template, p.ca, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (p *pki) sign(template, parent *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return cert
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certTemplate is valid in fake time, too, which begins in 2000.
func certTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}
