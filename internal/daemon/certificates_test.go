package daemon_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// shown is the certificate that the listener shows to whoever asks for that name.
func (b *bed) shown(config *tls.Config) *x509.Certificate {
	b.t.Helper()
	config.InsecureSkipVerify = true
	c, err := smtp.DialStartTLS(b.listener(), config)
	must(b.t, err)
	defer c.Close()
	must(b.t, c.Hello("sender.example"))
	state, _ := c.TLSConnectionState()
	return state.PeerCertificates[0]
}

// A listener for which no certificate is configured has one of its own: the same after a restart, another when it has another name. The status says so.
func TestSelfSignedCertificate(t *testing.T) {
	b := newBed(t, layout{mailboxes: threePeople})
	b.start()
	first := b.shown(&tls.Config{})
	if err := first.VerifyHostname("mail.example.com"); err != nil || first.NotAfter.Before(time.Now().AddDate(9, 0, 0)) {
		t.Errorf("%v, until %v", err, first.NotAfter)
	}
	want := control.Certificate{Names: []string{"mail.example.com"}, Until: first.NotAfter, SelfSigned: true}
	if got := b.status().Listeners[0].Certificate; got.Names[0] != want.Names[0] || !got.Until.Equal(want.Until) || !got.SelfSigned {
		t.Errorf("the status says %+v", got)
	}
	file := filepath.Join(b.config().State, "tls", "mail.example.com.pem")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	b.stop()
	b.start()
	if again := b.shown(&tls.Config{}); !again.Equal(first) {
		t.Error("another certificate after a restart")
	}
	b.stop()
	must(t, os.WriteFile(file, []byte("half a cert"), 0o600))
	b.start()
	if another := b.shown(&tls.Config{}); another.Equal(first) || another.VerifyHostname("mail.example.com") != nil {
		t.Error("a broken file was not replaced")
	}
}

// certified is a listener with certificates for two names, in files that can be replaced.
type certified struct {
	*bed
	ca                  *testserver.CA
	first, key, further string
}

func newCertified(t *testing.T) *certified {
	t.Helper()
	ca, err := testserver.NewCA()
	must(t, err)
	c := &certified{bed: newBed(t, layout{mailboxes: threePeople, speed: 10}), ca: ca}
	c.first, c.key, c.further = filepath.Join(c.dir, "first.pem"), filepath.Join(c.dir, "first.key"), filepath.Join(c.dir, "further.pem")
	c.issue(c.first, c.key, time.Now().AddDate(1, 0, 0), "mail.example.com")
	c.issue(c.further, c.further, time.Now().AddDate(1, 0, 0), "mx.example.net")
	cfg := c.config()
	l := cfg.Listeners["mx"]
	l.TLSCert, l.TLSKey, l.TLSMore, l.TLSAskClient = c.first, c.key, []string{c.further}, true
	cfg.Listeners["mx"] = l
	c.daemon = c.newWith(cfg)
	must(t, c.daemon.Start(t.Context()))
	t.Cleanup(c.stop)
	return c
}

// issue writes a new certificate into two files, or one.
func (c *certified) issue(cert, key string, until time.Time, name string) {
	c.t.Helper()
	leaf, err := c.ca.LeafUntil(until, name)
	must(c.t, err)
	chain, private, err := testserver.KeyPEM(leaf)
	must(c.t, err)
	if cert == key {
		chain = append(chain, private...)
	} else {
		must(c.t, os.WriteFile(key, private, 0o600))
	}
	must(c.t, os.WriteFile(cert, chain, 0o600))
}

// Clients get the certificate for the name they ask for, and a new one soon after its files were replaced. Files that do not fit leave the old one in use, and somebody is told; so is he before one
// ends.
func TestCertificatesAreFollowed(t *testing.T) {
	c := newCertified(t)
	first := c.shown(&tls.Config{ServerName: "mail.example.com"})
	further := c.shown(&tls.Config{ServerName: "mx.example.net"})
	if first.VerifyHostname("mail.example.com") != nil || further.VerifyHostname("mx.example.net") != nil {
		t.Errorf("%v, %v", first.DNSNames, further.DNSNames)
	}
	for _, name := range []string{"", "unknown.example"} {
		if got := c.shown(&tls.Config{ServerName: name}); !got.Equal(first) {
			t.Errorf("%q gets %v", name, got.DNSNames)
		}
	}
	trouble := func(word string) func(control.Status) bool {
		return func(s control.Status) bool { return strings.Contains(strings.Join(s.Trouble, "\n"), word) }
	}

	must(t, os.WriteFile(c.further, []byte("half a cert"), 0o600))
	c.until("the broken file to be an alarm", trouble(c.further))
	if got := c.shown(&tls.Config{ServerName: "mx.example.net"}); !got.Equal(further) {
		t.Error("the certificate was lost with its file")
	}
	c.issue(c.further, c.further, c.clock.Now().Add(24*time.Hour), "mx.example.net")
	c.eventually("the new certificate to be shown", func() bool { return !c.shown(&tls.Config{ServerName: "mx.example.net"}).Equal(further) })
	c.until("its end to be an alarm", trouble("is valid until"))
	c.issue(c.further, c.further, time.Now().AddDate(1, 0, 0), "mx.example.net")
	c.until("all to be well", func(s control.Status) bool { return len(s.Trouble) == 0 })
}

// The certificate of a client is noted in the Received field and the trace, whoever signed it.
func TestCertificateOfAClient(t *testing.T) {
	c := newCertified(t)
	leaf, err := c.ca.Leaf("sender.example")
	must(t, err)
	client, err := smtp.DialStartTLS(c.listener(), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{leaf}})
	must(t, err)
	defer client.Close()
	body := message("with a certificate", "a@sender.example", "anna@example.com")
	must(t, client.SendMail("a@sender.example", []string{"anna@example.com"}, strings.NewReader(string(body))))
	c.eventually("the message to arrive", func() bool { return len(c.mx.Received()) == 1 })
	sum := sha256.Sum256(leaf.Certificate[0])
	text := string(c.mx.Received()[0].Data)
	if want := "client sender.example sha256:" + hex.EncodeToString(sum[:]); !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}
