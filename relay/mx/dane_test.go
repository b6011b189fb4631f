package mx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"
)

// issuer is a CA.
type issuer struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newIssuer(t *testing.T, name string, by *issuer) *issuer {
	i := &issuer{t: t, key: newKey(t)}
	template := template(name, time.Hour)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	if by == nil {
		by = &issuer{t, i.key, template}
	}
	i.cert = by.sign(template, &i.key.PublicKey)
	return i
}

func (i *issuer) sign(template *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	i.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, key, i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return c
}

// issue makes a server's certificate; one with a negative age has expired.
func (i *issuer) issue(name string, age time.Duration) (*x509.Certificate, tls.Certificate) {
	key := newKey(i.t)
	template := template(name, age)
	template.DNSNames, template.ExtKeyUsage = []string{name}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	c := i.sign(template, &key.PublicKey)
	return c, tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
}

func template(name string, age time.Duration) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(age),
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sum256(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
func sum512(b []byte) string { s := sha512.Sum512(b); return hex.EncodeToString(s[:]) }

func TestDANE(t *testing.T) {
	root := newIssuer(t, "root", nil)
	between := newIssuer(t, "between", root)
	good, _ := between.issue("mx.new.example", time.Hour)
	old, _ := between.issue("mx.new.example", -time.Hour)
	other, _ := between.issue("other.example", time.Hour)
	domain, _ := between.issue("new.example", time.Hour)
	issued := func(c *x509.Certificate) []*x509.Certificate { return []*x509.Certificate{c, between.cert, root.cert} }
	ta := "2 0 1 " + sum256(root.cert.Raw)
	for _, c := range []struct {
		name, record string
		chain        []*x509.Certificate
		want         bool
	}{
		{"own certificate", "3 0 1 " + sum256(good.Raw), issued(good), true},
		{"own key", "3 1 1 " + sum256(good.RawSubjectPublicKeyInfo), issued(good), true},
		{"own key, SHA-512", "3 1 2 " + sum512(good.RawSubjectPublicKeyInfo), issued(good), true},
		{"own certificate in full", "3 0 0 " + hex.EncodeToString(good.Raw), issued(good), true},
		{"own certificate's name and dates say nothing", "3 1 1 " + sum256(old.RawSubjectPublicKeyInfo), issued(old), true},
		{"another's key", "3 1 1 " + sum256(other.RawSubjectPublicKeyInfo), issued(good), false},
		{"an issuer is no own certificate", "3 0 1 " + sum256(root.cert.Raw), issued(good), false},
		{"issuer", ta, issued(good), true},
		{"nearest issuer", "2 1 1 " + sum256(between.cert.RawSubjectPublicKeyInfo), []*x509.Certificate{good, between.cert}, true},
		{"issuer in the record alone", "2 0 0 " + hex.EncodeToString(root.cert.Raw), []*x509.Certificate{good, between.cert}, true},
		{"issuer for the domain", ta, issued(domain), true},
		{"issuer for another name", ta, issued(other), false},
		{"issued too long ago", ta, issued(old), false},
		{"issuer that is not shown", ta, []*x509.Certificate{good, between.cert}, false},
		{"issuer that did not sign", "2 0 1 " + sum256(root.cert.Raw), []*x509.Certificate{good, root.cert}, false},
		{"no certificate", ta, nil, false},
	} {
		z := newZone(t, "new.example. MX 10 mx.new.example.", "mx.new.example. A 192.0.2.1", "_25._tcp.mx.new.example. TLSA "+c.record, "_25._tcp.mx.new.example. TLSA 0 0 1 "+sum256(good.Raw))
		hosts, err := z.find(z.finder(nil), "new.example")
		if err != nil || len(hosts) != 1 || hosts[0].Rule.By != "DANE of mx.new.example" || hosts[0].Rule.Verify == nil || hosts[0].Rule.Unverified {
			t.Fatalf("%s: %+v, %v", c.name, hosts, err)
		}
		if err := hosts[0].Rule.Verify(tls.ConnectionState{PeerCertificates: c.chain}); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestUnusableTLSA(t *testing.T) {
	z := newZone(t, "new.example. MX 10 mx.new.example.", "mx.new.example. A 192.0.2.1", "_2525._tcp.mx.new.example. TLSA 1 1 1 "+strings.Repeat("ab", 32), "_2525._tcp.mx.new.example. TLSA 3 1 1 abcd",
		"_2525._tcp.mx.new.example. TLSA 3 2 1 "+strings.Repeat("ab", 32), "_2525._tcp.mx.new.example. TLSA 3 1 9 "+strings.Repeat("ab", 32))
	hosts, err := z.finder(nil).Find(t.Context(), "new.example", 2525)
	if err != nil || len(hosts) != 1 || hosts[0].Rule.By != "DANE of mx.new.example" || !hosts[0].Rule.Unverified {
		t.Errorf("%+v, %v", hosts, err)
	}
}

// What is not signed all the way demands nothing; what is signed and cannot be read must not be used.
func TestDANEOnlyWhereSigned(t *testing.T) {
	records := []string{"new.example. MX 10 mx.new.example.", "mx.new.example. A 192.0.2.1", "_25._tcp.mx.new.example. TLSA 3 1 1 " + strings.Repeat("ab", 32)}
	for _, name := range []string{"new.example", "mx.new.example", "_25._tcp.mx.new.example"} {
		z := newZone(t, records...)
		z.Unsigned(name, true)
		if hosts, err := z.find(z.finder(nil), "new.example"); err != nil || hosts[0].Rule.By != "" {
			t.Errorf("%s unsigned: %+v, %v", name, hosts, err)
		}
		if n := z.Asked("_25._tcp.mx.new.example", "TLSA"); (n > 0) != (name == "_25._tcp.mx.new.example") {
			t.Errorf("%s unsigned: TLSA was asked for %d times", name, n)
		}
	}
	z := newZone(t, append(records, "new.example. MX 20 b.new.example.", "b.new.example. A 192.0.2.2")...)
	z.Fail("_25._tcp.mx.new.example", "TLSA", true)
	if hosts, err := z.find(z.finder(nil), "new.example"); err != nil || names(hosts) != "b.new.example@192.0.2.2:25" {
		t.Errorf("TLSA that cannot be had: %s, %v", names(hosts), err)
	}
	z.Fail("_25._tcp.b.new.example", "TLSA", true)
	if hosts, err := z.find(z.finder(nil), "new.example"); err == nil || !strings.Contains(err.Error(), "SERVFAIL") {
		t.Errorf("TLSA that cannot be had: %s, %v", names(hosts), err)
	}
}
