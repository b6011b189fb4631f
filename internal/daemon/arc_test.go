package daemon_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"posthouse/internal/daemon"
	"posthouse/internal/testserver"
	"posthouse/relay/arc"
	"posthouse/test/neighbour"
)

// zone is DNS with TXT records alone; "" as a record is no answer for now.
type zone map[string]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	text, ok := z[strings.TrimSuffix(name, ".")]
	switch {
	case !ok:
		return nil, &net.DNSError{Name: name, IsNotFound: true}
	case text == "":
		return nil, &net.DNSError{Name: name, IsTimeout: true, IsTemporary: true}
	}
	return []string{text}, nil
}

func (z zone) LookupMX(context.Context, string) ([]*net.MX, error) { return nil, errNoSuchRecord }
func (z zone) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return nil, errNoSuchRecord
}
func (z zone) LookupAddr(context.Context, string) (names []string, e error) {
	return nil, errNoSuchRecord
}

var errNoSuchRecord = &net.DNSError{IsNotFound: true}

const arcTable = "[relay.arc]\ndomain = \"seal.example.com\"\nselector = \"s\"\nkey_file = \"arc.key\"\n"

// sealed is a bed whose daemon seals, with the key that the zone has, and the sender's own key and SPF record.
func sealed(t *testing.T, l layout) (*bed, zone, *rsa.PrivateKey) {
	t.Helper()
	l.rest = arcTable
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	octets, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	b := newBed(t, l)
	must(t, os.WriteFile(filepath.Join(b.dir, "arc.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: octets}), 0o600))
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	record := "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
	return b, zone{"s._domainkey.seal.example.com": record, "d._domainkey.sender.example": record, "sender.example": "v=spf1 ip4:127.0.0.3 -all"}, key
}

// startWith starts the daemon with a DNS of the test's.
func (b *bed) startWithDNS(dns zone) {
	b.t.Helper()
	d := b.newWith(b.config(), func(o *daemon.Options) { o.DNS = dns })
	must(b.t, d.Start(b.t.Context()))
	b.daemon = d
	b.t.Cleanup(b.stop)
}

// relayed sends a message through the daemon and returns what the server got.
func (b *bed) relayed(server *testserver.SMTP, from string, msg []byte) string {
	b.t.Helper()
	before := len(server.Received())
	result, err := b.sender.Send(b.t.Context(), b.listener(), from, []string{"anna@example.com"}, msg)
	if err != nil || !result.Final.OK() {
		b.t.Fatalf("%v, %v", result, err)
	}
	b.eventually("the message to go on", func() bool { return len(server.Received()) > before })
	return string(server.Received()[before].Data)
}

func signed(t *testing.T, key *rsa.PrivateKey, msg []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, dkim.Sign(&b, bytes.NewReader(msg), &dkim.SignOptions{Domain: "sender.example", Selector: "d", Signer: key, HeaderKeys: []string{"From", "To", "Subject"}}))
	return b.Bytes()
}

// What goes to the cloud carries our seal, which others verify, and what we found out about the sender; his own signature still verifies, and no octet was changed.
func TestSealed(t *testing.T) {
	b, dns, key := sealed(t, layout{})
	b.startWithDNS(dns)
	msg := signed(t, key, message("sealed", "x@sender.example", "anna@example.com"))
	got := b.relayed(b.mx, "x@sender.example", msg)
	if !strings.HasPrefix(got, "ARC-Seal: i=1; a=rsa-sha256; cv=none;") || !strings.HasSuffix(got, string(msg)) {
		t.Errorf("the cloud got\n%s", got)
	}
	for _, want := range []string{"i=1; mail.example.com;", "spf=pass smtp.mailfrom=sender.example", "dkim=pass header.d=sender.example", "arc=none"} {
		if !strings.Contains(got[:strings.Index(got, "Received:")], want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	// A chain is continued; the other posthouse whose it could be has another trace.
	again := b.relayed(b.mx, "x@sender.example", []byte(strings.Replace(got, "X-Posthouse-Trace:", "X-Trace:", 1)))
	if !strings.HasPrefix(again, "ARC-Seal: i=2; a=rsa-sha256; cv=pass;") {
		t.Errorf("the cloud got\n%s", again)
	}
	for name, peer := range map[string]func(testing.TB, map[string]string) *neighbour.Signatures{"python3-dkim": neighbour.DKIMPy, "libmail-dkim-perl": neighbour.MailDKIM} {
		t.Run(name, func(t *testing.T) {
			for what, v := range peer(t, dns).Verify(map[string]string{"one set": got, "two sets": again}) {
				if v.ARC != "pass" || v.DKIM != "pass" {
					t.Errorf("%s: %+v", what, v)
				}
			}
		})
	}
}

// What cannot be sealed, or not now, goes as it is, and so does what goes to the old server.
func TestNotSealed(t *testing.T) {
	both := "anna@example.com,,person,cloud\n"
	for _, c := range []struct {
		what, header, mailboxes string
	}{
		{"to the old server", "", "anna@example.com,,person,legacy\n"},
		{"no field", "this is no field\r\n", both},
		{"chain ended", "ARC-Seal: i=1; cv=fail; b=\r\n", both},
		{"no answer now", chainOf("silent.example"), both},
	} {
		t.Run(c.what, func(t *testing.T) {
			b, dns, _ := sealed(t, layout{mailboxes: c.mailboxes})
			dns["s._domainkey.silent.example"] = ""
			b.startWithDNS(dns)
			server := b.mx
			if c.what == "to the old server" {
				server = b.old
			}
			msg := append([]byte(c.header), message(c.what, "x@sender.example", "anna@example.com")...)
			if got := b.relayed(server, "x@sender.example", msg); !strings.HasPrefix(got, "Received:") || !strings.HasSuffix(got, string(msg)) {
				t.Errorf("it got\n%s", got)
			}
		})
	}
}

// chainOf is one set with a signature that cannot be checked without an answer: the body hash is that of the test's message.
func chainOf(domain string) string {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	s, err := arc.New(arc.Config{Domain: domain, Selector: "s", Key: key, AuthServID: domain})
	if err != nil {
		panic(err)
	}
	set, err := s.Seal(context.Background(), bytes.NewReader(message("no answer now", "x@sender.example", "anna@example.com")), "", time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	return string(set)
}

// What a stranger calls himself does not become a result.
func TestResultsAreOurs(t *testing.T) {
	b, dns, _ := sealed(t, layout{})
	b.startWithDNS(dns)
	msg := append([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=\"x; dkim=pass header.d=bank.example\"; s=d; h=from; bh=AAAA; b=AAAA\r\n"), message("forged", "x@sender.example", "anna@example.com")...)
	got := b.relayed(b.mx, `"a; dkim=pass"@other.example`, msg)
	results := got[strings.Index(got, "ARC-Authentication-Results"):strings.Index(got, "Received:")]
	if strings.Contains(results, "pass") || strings.Contains(results, "bank") {
		t.Errorf("the results are\n%s", results)
	}
}

// A key that cannot be used stops the start.
func TestBadSealKey(t *testing.T) {
	b, dns, _ := sealed(t, layout{})
	must(t, os.WriteFile(filepath.Join(b.dir, "arc.key"), []byte("no key"), 0o600))
	d := b.newWith(b.config(), func(o *daemon.Options) { o.DNS = dns })
	err := d.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "relay.arc.key_file") {
		t.Errorf("%v", err)
	}
	if err == nil {
		must(t, d.Stop(t.Context()))
	}
}
