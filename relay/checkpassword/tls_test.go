package checkpassword_test

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"testing"

	"posthouse/internal/testserver"
	"posthouse/relay/checkpassword"
	"posthouse/test/neighbour"
)

// Each server is asked inside TLS, and not at all when it cannot prove who it is.
func TestInsideTLS(t *testing.T) {
	ca, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	for _, implicit := range []bool{true, false} {
		imap := testserver.NewIMAP(testserver.IMAPConfig{TLS: server, Implicit: implicit, RequireTLS: true})
		imap.AddUser("anna", "s3 kret")
		smtp := testserver.NewSMTP(testserver.SMTPConfig{TLS: server, Implicit: implicit, RequireTLS: true, Users: map[string]string{"anna": "s3 kret"}})
		for protocol, s := range map[checkpassword.Protocol]interface {
			Start() error
			Stop()
			Addr() string
		}{checkpassword.IMAP: imap, checkpassword.SMTP: smtp} {
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			cfg := checkpassword.Config{Protocol: protocol, Address: s.Addr(), Security: checkpassword.StartTLS, TLS: ca.Client("")}
			if implicit {
				cfg.Security = checkpassword.Implicit
			}
			ask(t, cfg, "s3 kret", true, nil)
			ask(t, cfg, "wrong", false, checkpassword.ErrWrong)
			cfg.TLS = &tls.Config{ServerName: "127.0.0.1"}
			ask(t, cfg, "s3 kret", false, nil)
		}
	}
}

// Real servers: Dovecot's IMAP, and Postfix's submission with Dovecot behind it. A Dovecot that is down says no to nobody.
func TestRealServers(t *testing.T) {
	const password = "pä ss{w}ört\"\\"
	host := neighbour.Address()
	dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "old", Host: host, Users: map[string]string{"anna": password},
		Settings: "service auth {\n  inet_listener {\n    address = " + host + "\n    port = 1234\n  }\n}",
	})
	postfix := neighbour.StartPostfix(t, neighbour.PostfixConfig{
		Name: "sub", Settings: "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:" + host + ":1234",
	})
	both := []checkpassword.Config{
		{Protocol: checkpassword.IMAP, Address: dovecot.IMAP, Security: checkpassword.None},
		{Protocol: checkpassword.SMTP, Address: postfix.SMTP, Security: checkpassword.None},
	}
	for _, cfg := range both {
		ask(t, cfg, password, true, nil)
		ask(t, cfg, "wrong", false, checkpassword.ErrWrong)
	}
	dovecot.Stop()
	ask(t, both[0], password, false, nil)
}

// ask checks a password of anna's: yes, or an error that is the one given, or none that is known.
func ask(t *testing.T, cfg checkpassword.Config, password string, yes bool, want error) {
	t.Helper()
	err := checkpassword.New(cfg).Check(t.Context(), "anna", []byte(password), netip.MustParseAddr("192.0.2.7"))
	if yes != (err == nil) || want != nil && !errors.Is(err, want) || want == nil && errors.Is(err, checkpassword.ErrWrong) {
		t.Errorf("%+v: %v", cfg, err)
	}
}
