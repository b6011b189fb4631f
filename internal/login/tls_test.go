package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue writes a certificate for name, with its key, into two files. Old
// servers' key exchange needs an RSA key.
func (a *authority) issue(t *testing.T, name string, until time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	return certFile, keyFile
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) identity(t *testing.T, name string) *TLSIdentity {
	t.Helper()
	identity, err := LoadTLSIdentity(a.issue(t, name, time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// shake lets the two meet, and returns what each made of it.
func shake(t *testing.T, client, server *tls.Config) (state tls.ConnectionState, clientErr, serverErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		c := tls.Server(conn, server)
		if err = c.Handshake(); err == nil {
			_, err = c.Write([]byte{1}) // TLS 1.3: the client's certificate is judged after its handshake
		}
		served <- err
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	c := tls.Client(conn, client)
	if clientErr = c.Handshake(); clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	conn.Close()
	return c.ConnectionState(), clientErr, <-served
}

func TestTLSTrust(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	server := ca.identity(t, "mail.example")
	pin := Fingerprint(server.Leaf()).String()
	expired, err := LoadTLSIdentity(ca.issue(t, "mail.example", time.Now().Add(-time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	write(t, caFile, ca.pem())
	for _, tc := range []struct {
		name    string
		options TLSOptions
		server  *TLSIdentity
		hint    string // "" when it is trusted
	}{
		{"known authority", TLSOptions{ServerName: "mail.example", Roots: ca.pool()}, server, ""},
		{"known authority in a file", TLSOptions{ServerName: "mail.example", CAFile: caFile}, server, ""},
		{"unknown authority", TLSOptions{ServerName: "mail.example"}, server, "authority"},
		{"another authority", TLSOptions{ServerName: "mail.example", Roots: stranger.pool()}, server, "authority"},
		{"another name", TLSOptions{ServerName: "imap.example", Roots: ca.pool()}, server, "a name that the certificate holds"},
		{"out of date", TLSOptions{ServerName: "mail.example", Roots: ca.pool()}, expired, "out of date"},
		{"pinned", TLSOptions{Pin: pin}, server, ""},
		{"pinned, by another name", TLSOptions{Pin: strings.ToUpper(pin[len("sha256:"):]), ServerName: "imap.example"}, server, ""},
		{"pinned, out of date", TLSOptions{Pin: Fingerprint(expired.Leaf()).String()}, expired, ""},
		{"another one pinned", TLSOptions{Pin: pin}, ca.identity(t, "mail.example"), "compare the fingerprint"},
		{"the authority pinned, not the server", TLSOptions{Pin: Fingerprint(ca.cert).String(), Roots: ca.pool(), ServerName: "mail.example"}, server, "compare the fingerprint"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, err := TLSConfig(tc.options)
			if err != nil {
				t.Fatal(err)
			}
			_, err, _ = shake(t, client, ServerConfig(ServerOptions{}, tc.server))
			if tc.hint == "" {
				if err != nil {
					t.Errorf("not trusted: %v", err)
				}
				return
			}
			var failed *Error
			if !errors.As(Explain(err), &failed) || failed.Kind != ErrUntrusted || !strings.Contains(failed.Hint, tc.hint) {
				t.Errorf("%v, explained %+v; want untrusted and a hint with %q", err, failed, tc.hint)
			}
		})
	}
}

func TestPinErrorNamesBoth(t *testing.T) {
	err := &PinError{Want: Pin{1}, Got: Pin{2}}
	if !strings.Contains(err.Error(), err.Want.String()) || !strings.Contains(err.Error(), err.Got.String()) {
		t.Errorf("error %q", err)
	}
}

func TestPinIsCheckedOnEveryConnection(t *testing.T) {
	ca := newAuthority(t)
	server := ca.identity(t, "mail.example")
	client, err := TLSConfig(TLSOptions{Pin: Fingerprint(server.Leaf()).String(), ServerName: "mail.example"})
	if err != nil {
		t.Fatal(err)
	}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	resumable := ServerConfig(ServerOptions{}, server)
	resumable.SessionTicketsDisabled = false
	resumable.MaxVersion = tls.VersionTLS12
	for range 2 {
		if _, err, _ := shake(t, client, resumable); err != nil {
			t.Fatal(err)
		}
	}
	client.VerifyConnection = verifyPin(Pin{1})
	state, err, _ := shake(t, client, resumable)
	if pin := new(PinError); !errors.As(err, &pin) || !state.DidResume {
		t.Errorf("a resumed connection (%v) with another pin: %v", state.DidResume, err)
	}
}

func TestOldServersNeedToBeAllowed(t *testing.T) {
	ca := newAuthority(t)
	identity := ca.identity(t, "sbs2003.example")
	old := func(max uint16, suite uint16) *tls.Config {
		server := ServerConfig(ServerOptions{Old: true}, identity)
		server.MaxVersion, server.CipherSuites = max, []uint16{suite}
		return server
	}
	for name, server := range map[string]*tls.Config{
		"TLS 1.0":              old(tls.VersionTLS10, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
		"TLS 1.1":              old(tls.VersionTLS11, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
		"TLS 1.0, RSA, 3DES":   old(tls.VersionTLS10, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA),
		"TLS 1.2, RSA, AES":    old(tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA),
		"TLS 1.2, ECDHE, 3DES": old(tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA),
	} {
		options := TLSOptions{ServerName: "sbs2003.example", Roots: ca.pool()}
		strict, err := TLSConfig(options)
		if err != nil {
			t.Fatal(err)
		}
		var failed *Error
		if _, err, _ := shake(t, strict, server); !errors.As(Explain(err), &failed) || !strings.Contains(failed.Hint, "tls10") {
			t.Errorf("%s by default: %v, hint %+v; want a refusal whose hint is tls10", name, err, failed)
		}
		options.TLS10 = true
		allowed, err := TLSConfig(options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err, _ := shake(t, allowed, server); err != nil {
			t.Errorf("%s when allowed: %v", name, err)
		}
	}
}

func TestTLS10DoesNotWeakenNewServers(t *testing.T) {
	ca := newAuthority(t)
	client, err := TLSConfig(TLSOptions{ServerName: "mail.example", Roots: ca.pool(), TLS10: true})
	if err != nil {
		t.Fatal(err)
	}
	state, err, _ := shake(t, client, ServerConfig(ServerOptions{Old: true}, ca.identity(t, "mail.example")))
	if err != nil || state.Version != tls.VersionTLS13 {
		t.Errorf("%v, version %x; want TLS 1.3", err, state.Version)
	}
}

func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	server := ServerConfig(ServerOptions{}, ca.identity(t, "mail.example"))
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	options := TLSOptions{ServerName: "mail.example", Roots: ca.pool()}
	without, err := TLSConfig(options)
	if err != nil {
		t.Fatal(err)
	}
	var failed *Error
	_, clientErr, serverErr := shake(t, without, server)
	if serverErr == nil || !errors.As(Explain(clientErr), &failed) || !strings.Contains(failed.Hint, "wants a client certificate") {
		t.Errorf("without a certificate: %v, %+v, %v; want a hint", clientErr, failed, serverErr)
	}
	options.Identity = ca.identity(t, "posthouse.example")
	with, err := TLSConfig(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, clientErr, serverErr := shake(t, with, server); clientErr != nil || serverErr != nil {
		t.Errorf("with a certificate: %v, %v", clientErr, serverErr)
	}
}

func TestServerIssuesNoSessionTickets(t *testing.T) {
	ca := newAuthority(t)
	client, err := TLSConfig(TLSOptions{ServerName: "mail.example", Roots: ca.pool()})
	if err != nil {
		t.Fatal(err)
	}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	server := ServerConfig(ServerOptions{}, ca.identity(t, "mail.example"))
	for range 2 {
		state, err, _ := shake(t, client, server)
		if err != nil || state.DidResume {
			t.Errorf("resumed %v, %v", state.DidResume, err)
		}
	}
}

func TestIdentityReload(t *testing.T) {
	ca := newAuthority(t)
	identity := ca.identity(t, "mail.example")
	config := ServerConfig(ServerOptions{}, identity)
	first := Fingerprint(identity.Leaf())
	if changed, err := identity.Reload(); changed || err != nil {
		t.Errorf("nothing new: %v, %v", changed, err)
	}
	certFile, keyFile := ca.issue(t, "mail.example", time.Now().Add(time.Hour))
	if err := os.Rename(certFile, identity.certFile); err != nil {
		t.Fatal(err)
	}
	if changed, err := identity.Reload(); changed || err == nil || Fingerprint(identity.Leaf()) != first {
		t.Errorf("a certificate without its key: %v, %v", changed, err)
	}
	if err := os.Rename(keyFile, identity.keyFile); err != nil {
		t.Fatal(err)
	}
	if changed, err := identity.Reload(); !changed || err != nil {
		t.Errorf("a new pair: %v, %v", changed, err)
	}
	client, err := TLSConfig(TLSOptions{Pin: Fingerprint(identity.Leaf()).String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err, _ := shake(t, client, config); err != nil || Fingerprint(identity.Leaf()) == first {
		t.Errorf("a configuration made before does not show the new certificate: %v", err)
	}
}

func TestTLSOptionsThatAreWrong(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	write(t, notPEM, []byte("hello"))
	for name, o := range map[string]TLSOptions{
		"no name and no pin":    {},
		"a pin that is no hash": {Pin: "sha256:abcd"},
		"a file without PEM":    {ServerName: "x", CAFile: notPEM},
		"a missing file":        {ServerName: "x", CAFile: notPEM + ".gone"},
	} {
		if _, err := TLSConfig(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := LoadTLSIdentity(notPEM, notPEM); err == nil || !strings.Contains(err.Error(), notPEM) {
		t.Errorf("identity without PEM: %v", err)
	}
}

func TestParsePin(t *testing.T) {
	digits := strings.Repeat("0aF9", 16)
	var colons []string
	for i := 0; i < len(digits); i += 2 {
		colons = append(colons, digits[i:i+2])
	}
	want := "sha256:" + strings.ToLower(digits)
	for _, text := range []string{digits, want, "SHA256:" + digits, " " + digits + "\n", strings.Join(colons, ":"), "sha256:" + strings.Join(colons, ":")} {
		if pin, err := ParsePin(text); err != nil || pin.String() != want {
			t.Errorf("%q: %s, %v", text, pin, err)
		}
	}
	for _, text := range []string{"", digits[2:], digits + "00", "sha1:" + digits, "zz" + digits[2:]} {
		if pin, err := ParsePin(text); err == nil {
			t.Errorf("%q is taken as %s", text, pin)
		}
	}
}
