package daemon_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"posthouse/test/neighbour"
)

// Real programs of users, checked by a real Dovecot: msmtp, swaks and curl, by 587 and 465. A wrong password is a failure that each tells as its own.
func TestUsersPrograms(t *testing.T) {
	s := newSubmitBed(t, layout{})
	dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "old", Users: map[string]string{"anna": "s3 kret"}})
	cfg := s.config()
	old := cfg.Servers["legacy"]
	old.IMAP = dovecot.IMAP
	cfg.Servers["legacy"] = old
	s.daemon = s.newWith(cfg)
	must(t, s.daemon.Start(t.Context()))
	t.Cleanup(s.stop)
	sent := 0
	for program, send := range map[string]func(listener, host, port, password, msg string) *exec.Cmd{"msmtp": s.msmtp, "swaks": s.swaks, "curl": s.curl} {
		path := neighbour.Require(t, program)
		for _, listener := range []string{"submission", "submissions"} {
			host, port, _ := net.SplitHostPort(s.at(listener))
			for _, password := range []string{"wrong", "s3 kret"} {
				msg := filepath.Join(s.dir, program+listener)
				must(t, os.WriteFile(msg, message(program+" by "+listener, "anna@example.com", "x@outside.example"), 0o600))
				cmd := send(listener, host, port, password, msg)
				cmd.Path = path
				out, err := cmd.CombinedOutput()
				if ok := password != "wrong"; ok != (err == nil) || !ok && !strings.Contains(string(out), "535") && program != "curl" {
					t.Errorf("%s by %s with %s: %v\n%s", program, listener, password, err, out)
				}
			}
			sent++
		}
	}
	s.until("all to go", settled(sent))
	for _, e := range s.mx.Received() {
		if e.From != "anna@example.com" || !strings.Contains(string(e.Data), "with ESMTPSA") {
			t.Errorf("from %s:\n%s", e.From, e.Data)
		}
	}
}

func (s *submitBed) program(stdin string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if stdin != "" {
		f, err := os.Open(stdin)
		must(s.t, err)
		s.t.Cleanup(func() { f.Close() })
		cmd.Stdin = f
	}
	return cmd
}

func (s *submitBed) msmtp(listener, host, port, password, msg string) *exec.Cmd {
	conf := filepath.Join(s.dir, "msmtprc")
	starttls := map[string]string{"submission": "on", "submissions": "off"}[listener]
	must(s.t, os.WriteFile(conf, fmt.Appendf(nil, "account a\nhost %s\nport %s\ntls on\ntls_starttls %s\ntls_trust_file %s\nauth on\nuser anna@example.com\npassword %s\nfrom anna@example.com\n",
		host, port, starttls, s.pem, password), 0o600))
	return s.program(msg, "msmtp", "-C", conf, "-a", "a", "x@outside.example")
}

func (s *submitBed) swaks(listener, host, port, password, msg string) *exec.Cmd {
	tls := map[string]string{"submission": "--tls", "submissions": "--tls-on-connect"}[listener]
	return s.program("", "swaks", "--server", host, "--port", port, tls, "--tls-verify", "--tls-ca-path", s.pem, "--auth", "LOGIN", "--auth-user", "anna@example.com", "--auth-password", password,
		"--from", "anna@example.com", "--to", "x@outside.example", "--data", "@"+msg)
}

func (s *submitBed) curl(listener, host, port, password, msg string) *exec.Cmd {
	scheme := map[string]string{"submission": "smtp", "submissions": "smtps"}[listener]
	return s.program("", "curl", "-sS", "--ssl-reqd", "--cacert", s.pem, "--url", scheme+"://"+net.JoinHostPort(host, port)+"/client.example", "--user", "anna@example.com:"+password,
		"--mail-from", "anna@example.com", "--mail-rcpt", "x@outside.example", "--upload-file", msg)
}
