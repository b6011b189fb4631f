package testserver

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"
)

func TestLeafVerifies(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	good, err := ca.Leaf("mail.example", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	expired, err := ca.LeafUntil(time.Now().Add(-time.Hour), "mail.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		leaf tls.Certificate
		ca   *CA
		host string
		ok   bool
	}{
		{"by name", good, ca, "mail.example", true}, {"by address", good, ca, "127.0.0.1", true}, {"other name", good, ca, "x.example", false},
		{"other CA", good, stranger, "mail.example", false}, {"expired", expired, ca, "mail.example", false},
	} {
		cert, err := x509.ParseCertificate(tt.leaf.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: tt.ca.Pool(), DNSName: tt.host}); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestKeyPEMLoads(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf("mail.example")
	if err != nil {
		t.Fatal(err)
	}
	chain, key, err := KeyPEM(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(chain, key); err != nil {
		t.Error(err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(ca.PEM()) {
		t.Error("the CA's PEM does not parse")
	}
}
