package daemon_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// secured is a cloud whose servers speak TLS, with a certificate of an authority that nobody knows, and want ours.
type secured struct {
	*bed
	ca, cert, key string // files
	fingerprint   string
	cfg           *config.Config
}

func newSecured(t *testing.T, users map[string]string, changes ...func(*layout)) *secured {
	t.Helper()
	ca, err := testserver.NewCA()
	must(t, err)
	leaf, err := ca.Leaf("127.0.0.1")
	must(t, err)
	server := &tls.Config{Certificates: []tls.Certificate{leaf}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
	l := layout{
		mailboxes: "anna@example.com,,person,cloud\n",
		cloud:     testserver.IMAPConfig{TLS: server, Implicit: true},
		mx:        testserver.SMTPConfig{TLS: server, RequireTLS: true, Users: users, RequireAuth: users != nil},
	}
	for _, change := range changes {
		change(&l)
	}
	b := newBed(t, l)
	chain, private, err := testserver.KeyPEM(leaf)
	must(t, err)
	s := &secured{bed: b, ca: filepath.Join(b.dir, "ca.pem"), cert: filepath.Join(b.dir, "cert.pem"), key: filepath.Join(b.dir, "key.pem")}
	for path, data := range map[string][]byte{s.ca: ca.PEM(), s.cert: chain, s.key: private} {
		must(t, os.WriteFile(path, data, 0o600))
	}
	sum := sha256.Sum256(leaf.Certificate[0])
	s.fingerprint, s.cfg = hex.EncodeToString(sum[:]), b.config()
	s.change(func(c *config.Server) {
		c.IMAPTLS, c.SMTPTLS, c.ClientCert, c.ClientKey, c.CAFile = config.TLSImplicit, config.TLSStartTLS, s.cert, s.key, s.ca
	})
	return s
}

func (s *secured) change(how func(*config.Server)) {
	c := s.cfg.Servers["cloud"]
	how(&c)
	s.cfg.Servers["cloud"] = c
}

func (s *secured) start() {
	s.t.Helper()
	s.daemon = s.newWith(s.cfg)
	must(s.t, s.daemon.Start(s.t.Context()))
	s.t.Cleanup(s.stop)
}

// What the configuration says of a server's certificate, of ours and of logins holds for its IMAP and its SMTP.
func TestSecureServers(t *testing.T) {
	for name, change := range map[string]func(*secured) func(*config.Server){
		"authority": func(*secured) func(*config.Server) { return func(*config.Server) {} },
		"fingerprint": func(s *secured) func(*config.Server) {
			return func(c *config.Server) { c.CAFile, c.Fingerprint = "", s.fingerprint }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecured(t, nil)
			s.change(change(s))
			s.fill("anna@example.com", 1, 10)
			s.start()
			s.until("the copy", copied)
			s.sidesAreEqual()
			msg := s.send("hello", "x@sender.example", "anna@example.com")
			s.until("the message", settled(1))
			s.once(s.cloud, "anna@example.com", msg)
			if e := s.mx.Received(); len(e) != 1 || !e[0].TLS {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestInsecureServers(t *testing.T) {
	for name, change := range map[string]func(*secured) func(*config.Server){
		"unknown authority": func(*secured) func(*config.Server) { return func(c *config.Server) { c.CAFile = "" } },
		"another certificate": func(s *secured) func(*config.Server) {
			return func(c *config.Server) { c.Fingerprint = strings.Repeat("0", 64) }
		},
		"without our own": func(s *secured) func(*config.Server) {
			return func(c *config.Server) { c.ClientCert, c.ClientKey = "", "" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecured(t, nil)
			s.change(change(s))
			s.fill("anna@example.com", 1, 10)
			s.start()
			s.send("hello", "x@sender.example", "anna@example.com")
			st := s.until("both ways to fail", func(st control.Status) bool {
				return st.Copy.Problems == 1 && len(st.Queue.Waiting) == 1 && st.Queue.Waiting[0].Attempts > 0
			})
			for _, why := range []string{st.Queue.Waiting[0].Why, st.Mailboxes[0].Error} {
				if !strings.Contains(why, "certificate") {
					t.Errorf("why: %q", why)
				}
			}
			if n := len(s.messages(s.cloud, "anna@example.com")); n != 0 {
				t.Errorf("%d messages were given away", n)
			}
		})
	}
}

func TestSMTPLogin(t *testing.T) {
	for _, mechanism := range []string{"plain", "login"} {
		t.Run(mechanism, func(t *testing.T) {
			s := newSecured(t, map[string]string{"posthouse": "smtp secret"})
			s.change(func(c *config.Server) {
				c.SMTPAuth, c.SMTPLogin, c.SMTPPassword = mechanism, "posthouse", config.LiteralSecret("smtp secret")
			})
			s.start()
			msg := s.send("hello", "x@sender.example", "anna@example.com")
			s.until("the message", settled(1))
			s.once(s.cloud, "anna@example.com", msg)
			if e := s.mx.Received(); len(e) != 1 || e[0].User != "posthouse" {
				t.Errorf("%+v", e)
			}
		})
	}
}
