package daemon_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// byMX is a bed whose cloud is found by the MX records of new.example.
type byMX struct {
	*bed
	dns *testserver.DNS
	cfg *config.Config
}

func newByMX(t *testing.T, l layout, records ...string) *byMX {
	t.Helper()
	b := &byMX{bed: newBed(t, l), dns: testserver.NewDNS()}
	must(t, b.dns.Add(records...))
	must(t, b.dns.Start())
	t.Cleanup(b.dns.Stop)
	b.cfg = b.config()
	b.cfg.Relay.Resolver = b.dns.Addr()
	return b
}

func (b *byMX) at(port uint16) {
	c := b.cfg.Servers["cloud"]
	c.SMTP, c.SMTPTLS = fmt.Sprintf("mx:new.example:%d", port), config.TLSOpportunistic
	b.cfg.Servers["cloud"] = c
}

func (b *byMX) start(changes ...func(*daemon.Options)) {
	b.t.Helper()
	b.daemon = b.newWith(b.cfg, changes...)
	must(b.t, b.daemon.Start(b.t.Context()))
	b.t.Cleanup(b.stop)
}

func port(s *testserver.SMTP) uint16 { return netip.MustParseAddrPort(s.Addr()).Port() }

// tlsa is the record of a host's own key.
func tlsa(t *testing.T, host string, port uint16, leaf tls.Certificate) string {
	t.Helper()
	c, err := x509.ParseCertificate(leaf.Certificate[0])
	must(t, err)
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("_%d._tcp.%s. TLSA 3 1 1 %s", port, host, hex.EncodeToString(sum[:]))
}

// The cloud's host is found; what DANE demands is kept to and named, and the mail waits until it is met.
func TestCloudIsFoundByMX(t *testing.T) {
	ca, err := testserver.NewCA()
	must(t, err)
	leaf, err := ca.Leaf("whatever.example")
	must(t, err)
	other, err := ca.Leaf("mx.new.example")
	must(t, err)
	b := newByMX(t, layout{mx: testserver.SMTPConfig{TLS: &tls.Config{Certificates: []tls.Certificate{leaf}}}},
		"new.example. MX 10 gone.new.example.", "new.example. MX 20 mx.new.example.", "mx.new.example. A 127.0.0.1")
	b.at(port(b.mx))
	b.start()
	b.send("opportunistic", "x@sender.example", "anna@example.com")
	b.until("it to arrive", func(s control.Status) bool { return b.mx.Accepted() == 1 })
	b.stop() // and with it the session

	must(t, b.dns.Add(tlsa(t, "mx.new.example", port(b.mx), other)))
	b.start()
	b.send("another key", "x@sender.example", "anna@example.com")
	s := b.until("a refusal of ours", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	want := fmt.Sprintf("cloud:smtp: TLS: mx.new.example[%s]: DANE of mx.new.example demands verified TLS: its certificate matches no TLSA record", b.mx.Addr())
	if w := s.Queue.Waiting[0]; w.Why != want || w.Class != "tls" {
		t.Errorf("waits because %q (%s), want %q", w.Why, w.Class, want)
	}
	b.dns.Remove(fmt.Sprintf("_%d._tcp.mx.new.example", port(b.mx)), "TLSA")
	must(t, b.dns.Add(tlsa(t, "mx.new.example", port(b.mx), leaf)))
	b.until("it to arrive", func(s control.Status) bool { return b.mx.Accepted() == 2 && s.Queue.Due+s.Queue.Sending == 0 })
	for _, e := range b.mx.Received() {
		if !e.TLS {
			t.Errorf("%s came in the clear", e.From)
		}
	}
}

// A domain that says that it takes no mail will not take it later; one whose records cannot be had may.
func TestNullMXIsHeld(t *testing.T) {
	b := newByMX(t, layout{}, "new.example. MX 0 .")
	b.at(port(b.mx))
	b.dns.Fail("new.example", "MX", true)
	b.start()
	b.send("to nobody", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if w := s.Queue.Waiting[0]; !strings.Contains(w.Why, "SERVFAIL") {
		t.Errorf("waits because %q", w.Why)
	}
	b.dns.Fail("new.example", "MX", false)
	s = b.until("a hold", func(s control.Status) bool { return s.Queue.Held == 1 })
	if why := s.Queue.Waiting[0].Why; why != "cloud:smtp declined it: cloud:smtp: MX: new.example takes no mail (null MX)" {
		t.Errorf("held because %q", why)
	}
}

// Mail to addresses outside goes to the hosts of their domains, each in its own conversation; that one is not there keeps no other waiting, and the cloud gets none of it.
func TestOutsideByMX(t *testing.T) {
	b := newByMX(t, layout{recipients: "groups = { \"team@example.com\" = [\"bob@example.com\", \"friend@elsewhere.example\", \"pal@elsewhere.example\", \"lost@nowhere.example\"] }",
		old: testserver.SMTPConfig{Deliver: func(*testserver.Envelope) error { return nil }}},
		"elsewhere.example. MX 10 mx.elsewhere.example.", "mx.elsewhere.example. A 127.0.0.1")
	b.cfg.Relay.Outside = config.OutsideMX
	b.start(func(o *daemon.Options) { o.MXPort = port(b.old) }) // the old server plays the stranger
	for i := range 5 {                                          // more than make a breaker open
		b.send(fmt.Sprintf("number %d", i), "x@sender.example", "team@example.com")
		b.eventually("it to be taken outside", func() bool {
			return rcpts(b.old, "friend@elsewhere.example") == i+1 && rcpts(b.old, "pal@elsewhere.example") == i+1
		})
	}
	s := b.until("the others to arrive", func(s control.Status) bool { return rcpts(b.mx, "bob@example.com") == 5 && len(s.Queue.Waiting) == 5 })
	for _, w := range s.Queue.Waiting {
		if w.To != "lost@nowhere.example" || !strings.Contains(w.Why, "nowhere.example has no address") || w.Destination != "outside:mx" {
			t.Errorf("%s waits for %s because %q", w.To, w.Destination, w.Why)
		}
	}
	if n := len(b.mx.Received()); n != 5 {
		t.Errorf("the cloud got %d messages", n)
	}
}

// Hosts outside ask who may send, as a cloud does to which nobody vouches for us: foreign senders are rewritten where the route says so, ours are not.
func TestOutsideForeignSendersAreRewritten(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "srs")
	must(t, os.WriteFile(secret, []byte("a secret of some length\n"), 0o600))
	b := newByMX(t, layout{recipients: "groups = { \"team@example.com\" = [\"friend@elsewhere.example\"] }", rest: strings.Replace(srsTable, "file:srs", "file:"+secret, 1), old: testserver.SMTPConfig{Deliver: func(*testserver.Envelope) error { return nil }}},
		"elsewhere.example. MX 10 mx.elsewhere.example.", "mx.elsewhere.example. A 127.0.0.1")
	b.cfg.Relay.Outside, b.cfg.Routes.Arriving.SRS = config.OutsideMX, true
	b.start(func(o *daemon.Options) { o.MXPort = port(b.old) })
	if from, _ := b.sendFrom(b.old, "alice@partner.example", "team@example.com"); !strings.HasPrefix(from, "SRS0=") || !strings.HasSuffix(from, "=partner.example=alice@srs.example.com") {
		t.Errorf("the host outside got mail from %q", from)
	}
	if from, _ := b.sendFrom(b.old, "anna@example.com", "team@example.com"); from != "anna@example.com" {
		t.Errorf("our sender became %q", from)
	}
}

func rcpts(s *testserver.SMTP, to string) (n int) {
	for _, e := range s.Received() {
		if slices.Contains(e.Recipients(), to) {
			n++
		}
	}
	return n
}

// A real next hop, found by MX and held to its DANE record.
func TestPostfixFoundByMX(t *testing.T) {
	ca, err := testserver.NewCA()
	must(t, err)
	leaf, err := ca.Leaf("mx.new.example")
	must(t, err)
	chain, key, err := testserver.KeyPEM(leaf)
	must(t, err)
	b := newByMX(t, layout{}, "new.example. MX 10 mx.new.example.")
	cert, private := filepath.Join(b.dir, "mx.crt"), filepath.Join(b.dir, "mx.key")
	must(t, os.WriteFile(cert, chain, 0o644))
	must(t, os.WriteFile(private, key, 0o600))
	p := neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "mx", NextHop: "smtp:[127.0.0.1]:" + fmt.Sprint(port(b.mx)), Cert: cert, Key: private, Settings: "smtpd_tls_security_level = encrypt\nsmtpd_tls_loglevel = 1\n"})
	at := netip.MustParseAddrPort(p.SMTP)
	must(t, b.dns.Add("mx.new.example. A "+at.Addr().String(), tlsa(t, "mx.new.example", at.Port(), leaf)))
	b.at(at.Port())
	b.start()
	msg := b.send("by Postfix", "x@sender.example", "anna@example.com")
	b.eventually("it to arrive", func() bool { return len(b.holding(b.cloud, "anna@example.com", msg)) == 1 })
	if !p.Said("TLS connection established from") {
		t.Error("Postfix saw no TLS")
	}
}
