package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

func TestCertificateIsVerified(t *testing.T) {
	pki := testPKI(t)
	other := testPKI(t)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pki.ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		tls  TLS
		want string // empty: accepted
	}{
		{"good", TLS{ServerName: "mx.new.example", Roots: pki.roots}, ""},
		{"CA file", TLS{ServerName: "mx.new.example", CAFile: caFile}, ""},
		{"CA file besides other roots", TLS{ServerName: "mx.new.example", Roots: other.roots, CAFile: caFile}, ""},
		{"name of the address by default", TLS{Roots: pki.roots}, "cannot validate certificate for 127.0.0.1"},
		{"wrong name", TLS{ServerName: "mail.new.example", Roots: pki.roots}, "not mail.new.example"},
		{"unknown CA", TLS{ServerName: "mx.new.example", Roots: other.roots}, "unknown authority"},
		{"system's roots by default", TLS{ServerName: "mx.new.example"}, "unknown authority"},
		{"wrong fingerprint", TLS{ServerName: "mx.new.example", Roots: pki.roots, Fingerprints: []string{strings.Repeat("ab", 32)}}, ErrCertificate.Error()},
		{"opportunistic, wrong fingerprint", TLS{Mode: Opportunistic, Fingerprints: []string{strings.Repeat("ab", 32)}}, ErrCertificate.Error()},
		{"opportunistic takes any", TLS{Mode: Opportunistic}, ""},
		{"skip takes any", TLS{SkipVerify: true}, ""},
	}
	p := startPeer(t, func(s *smtp.Server) { s.TLSConfig = pki.server })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(p.got())
			c := clientFor(t, p.addr, func(d *Destination) { d.TLS = tt.tls })
			outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
			if tt.want == "" {
				accepted(t, outs, err)
				return
			}
			var s *SessionError
			if !errors.As(err, &s) || s.Stage != StageTLS || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
			if outs[0].Kind != Unsent || len(p.got()) != before {
				t.Errorf("%s", outs[0].Kind)
			}
		})
	}
}

func TestClientCertificateIsShownToWhoAsks(t *testing.T) {
	pki := testPKI(t)
	pki.server.ClientAuth = tls.RequireAndVerifyClientCert
	p := startPeer(t, func(s *smtp.Server) { s.TLSConfig = pki.server })
	good := TLS{ServerName: "mx.new.example", Roots: pki.roots, ClientCertificate: pki.clientCertificate}
	c := clientFor(t, p.addr, func(d *Destination) { d.TLS = good })
	outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
	accepted(t, outs, err)

	good.ClientCertificate = nil
	c = clientFor(t, p.addr, func(d *Destination) { d.TLS = good })
	outs, err = c.Send(t.Context(), oneRecipient, newBody(smallBody))
	if outs[0].Kind != Unsent || err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %s, %v", outs[0].Kind, err)
	}
}

func TestServerWithoutTLSAtAll(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.WriteString(c, "220 mx ESMTP ready, willing and able\r\n")
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	c := clientFor(t, l.Addr().String(), func(d *Destination) { d.TLS = TLS{Mode: Implicit} })
	outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
	var header tls.RecordHeaderError
	if outs[0].Kind != Unsent || !errors.As(err, &header) {
		t.Errorf("%s, %v", outs[0].Kind, err)
	}
}

func TestNewRefusesBadConfiguration(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no name for EHLO", func(c *Config) { c.Hello = "" }, "EHLO"},
		{"name that injects", func(c *Config) { c.Hello = "me\r\nRSET" }, "EHLO"},
		{"no port", func(c *Config) { c.Destination.Address = "mx.new.example" }, "host:port"},
		{"protocol", func(c *Config) { c.Destination.Protocol = "uucp" }, "protocol"},
		{"TLS mode", func(c *Config) { c.Destination.TLS.Mode = "maybe" }, "TLS mode"},
		{"fingerprint", func(c *Config) { c.Destination.TLS.Fingerprints = []string{"abcd"} }, "fingerprint"},
		{"missing CA file", func(c *Config) { c.Destination.TLS.CAFile = empty + ".not" }, "CA file"},
		{"CA file without a certificate", func(c *Config) { c.Destination.TLS.CAFile = empty }, "holds no certificate"},
		{"socket with TLS and no name", func(c *Config) { c.Destination.Address = "unix:/run/lmtp" }, "server name"},
		{"user without a secret", func(c *Config) { c.Destination.Auth = Auth{Username: "me"} }, "neither password nor token"},
		{"PLAIN without a password", func(c *Config) { c.Destination.Auth = Auth{Username: "me", Mechanism: PLAIN} }, "password"},
		{"XOAUTH2 without a token", func(c *Config) { c.Destination.Auth = Auth{Username: "me", Mechanism: XOAUTH2} }, "token"},
		{"mechanism", func(c *Config) { c.Destination.Auth = Auth{Username: "me", Mechanism: "ROT13"} }, "mechanism"},
	}
	for _, tt := range tests {
		config := Config{Hello: "gate.old.example", Destination: Destination{Name: "cloud:smtp", Address: "mx.new.example:25"}}
		tt.change(&config)
		_, err := New(config)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "destination cloud:smtp: ") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestRootsAreNotChanged(t *testing.T) {
	pki := testPKI(t)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pki.ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	given := x509.NewCertPool()
	if _, err := (TLS{Roots: given, CAFile: caFile}).roots(); err != nil {
		t.Fatal(err)
	}
	if !given.Equal(x509.NewCertPool()) {
		t.Error("the caller's pool has grown")
	}
}
