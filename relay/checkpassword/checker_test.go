package checkpassword

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a server that says and expects what a script tells, over a pipe: "S: " and "C: " lines.
func scripted(t *testing.T, script string) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			in := bufio.NewReader(server)
			for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
				who, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
				if who == "S" {
					fmt.Fprintf(server, "%s\r\n", text)
					continue
				}
				if got, err := in.ReadString('\n'); strings.TrimRight(got, "\r\n") != text {
					t.Errorf("the client says %q (%v), want %q", got, err, text)
					return
				}
			}
			in.WriteTo(discard{}) // until the client has gone
		}()
		return client, nil
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

const (
	imapHello  = "S: * OK ready\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: c OK\nC: a AUTHENTICATE PLAIN\nS: +\nC: AGFubmEAczMga3JldA==\nS: "
	imapBare   = "S: * OK ready\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: c OK\nC: a LOGIN {4}\nS: + go on\nC: anna {7}\nS: + go on\nC: s3 kret\nS: "
	smtpHello  = "S: 220 old\nC: EHLO us.test\nS: 250-old\nS: 250 AUTH LOGIN PLAIN\nC: AUTH PLAIN\nS: 334\nC: AGFubmEAczMga3JldA==\nS: "
	smtpLogins = "S: 220-old\nS: 220 server\nC: EHLO us.test\nS: 250-old\nS: 250 AUTH=LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5uYQ==\nS: 334 UGFzc3dvcmQ6\nC: czMga3JldA==\nS: "
)

// Only a definite no is one; yes is yes; whatever else is said, nobody knows.
func TestAnswers(t *testing.T) {
	const yes, no, unknown = "yes", "no", "unknown"
	for _, c := range []struct {
		protocol     Protocol
		script, want string
	}{
		{IMAP, imapHello + "a OK logged in\nC: z LOGOUT", yes},
		{IMAP, imapBare + "a OK logged in\nC: z LOGOUT", yes},
		{IMAP, imapHello + "* CAPABILITY X\nS: a ok\nC: z LOGOUT", yes},
		{IMAP, imapHello + "a NO [AUTHENTICATIONFAILED] Authentication failed.\nC: z LOGOUT", no},
		{IMAP, imapBare + "a NO LOGIN failed.\nC: z LOGOUT", no},
		{IMAP, imapHello + "a NO [UNAVAILABLE] Temporary authentication failure.\nC: z LOGOUT", unknown},
		{IMAP, imapHello + "a NO Temporary failure\nC: z LOGOUT", unknown},
		{IMAP, imapHello + "a NO [LIMIT] too many connections\nC: z LOGOUT", unknown},
		{IMAP, imapHello + "a NO [CONTACTADMIN] call us\nC: z LOGOUT", unknown},
		{IMAP, imapHello + "a BAD what?\nC: z LOGOUT", unknown},
		{IMAP, imapHello + "* BYE too many\nC: z LOGOUT", unknown},
		{IMAP, imapHello + "b OK for another", unknown},
		{IMAP, imapHello + "a BAD AGFubmEAczMga3JldA== is no command\nC: z LOGOUT", unknown},
		{IMAP, "S: * PREAUTH you are the boss", unknown},
		{IMAP, "S: * BYE closed", unknown},
		{IMAP, "S: * OK\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: c OK\nC: a AUTHENTICATE PLAIN\nS: a NO no such mechanism\nC: z LOGOUT", unknown},
		{IMAP, "S: * OK\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1 LOGINDISABLED\nS: c OK\nC: a LOGIN {4}\nS: a NO not here\nC: z LOGOUT", unknown},
		{SMTP, smtpHello + "235 2.7.0 welcome\nC: QUIT", yes},
		{SMTP, smtpLogins + "235 welcome\nC: QUIT", yes},
		{SMTP, smtpHello + "535 5.7.8 Authentication credentials invalid\nC: QUIT", no},
		{SMTP, smtpLogins + "535 Incorrect authentication data\nC: QUIT", no},
		{SMTP, smtpHello + "535-5.7.8 No.\nS: 535 5.7.8 Really\nC: QUIT", no},
		{SMTP, smtpHello + "535 5.7.139 the account is locked\nC: QUIT", unknown},
		{SMTP, smtpHello + "454 4.7.0 Temporary authentication failure\nC: QUIT", unknown},
		{SMTP, smtpHello + "435 Unable to authenticate at present\nC: QUIT", unknown},
		{SMTP, smtpHello + "550 5.7.1 go away\nC: QUIT", unknown},
		{SMTP, smtpHello + "250 2.0.0 ok\nC: QUIT", unknown},
		{SMTP, smtpHello + "421 4.3.2 shutting down", unknown},
		{SMTP, smtpHello + "what?", unknown},
		{SMTP, smtpHello + "535-5.7.8 No.\nS: 235 5.7.8 Really", unknown},
		{SMTP, smtpHello + "500 s3 kret is no command\nC: QUIT", unknown},
		{SMTP, "S: 220 old\nC: EHLO us.test\nS: 250-old\nS: 250 AUTH GSSAPI", unknown},
		{SMTP, "S: 220 old\nC: EHLO us.test\nS: 250-old\nS: 250 AUTH PLAIN\nC: AUTH PLAIN\nS: 535 5.7.8 not from your address\nC: QUIT", unknown},
		{SMTP, "S: 554 go away", unknown},
	} {
		synctest.Test(t, func(t *testing.T) {
			checker := New(Config{Protocol: c.protocol, Address: "old.test:1", Security: None, Hello: "us.test", Dial: scripted(t, c.script)})
			err := checker.Check(t.Context(), "anna", []byte("s3 kret"), netip.Addr{})
			got := unknown
			if err == nil {
				got = yes
			} else if errors.Is(err, ErrWrong) {
				got = no
			}
			if got != c.want {
				t.Errorf("%s\nis %s: %v", c.script, got, err)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "kret") || strings.Contains(text, "AGFu") {
				t.Errorf("the error tells the password: %s", text)
			}
		})
	}
}

// An IMAP server that wants to know is told who the true client is.
func TestTrueClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := "S: * OK ready\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1 ID AUTH=PLAIN\nS: c OK\nC: i ID (\"name\" \"posthouse\" \"x-originating-ip\" \"192.0.2.7\")\n" +
			"S: * ID NIL\nS: i OK\nC: a AUTHENTICATE PLAIN\nS: + \nC: AGFubmEAczMga3JldA==\nS: a OK\nC: z LOGOUT"
		checker := New(Config{Protocol: IMAP, Address: "old.test:1", Security: None, Dial: scripted(t, script)})
		if err := checker.Check(t.Context(), "anna", []byte("s3 kret"), netip.MustParseAddr("::ffff:192.0.2.7")); err != nil {
			t.Error(err)
		}
	})
}

// A server that says nothing, and one that never ends, are left; who waits for his turn waits no longer than that.
func TestBounded(t *testing.T) {
	for name, script := range map[string]string{"silent": "C: nothing", "endless": "S: * OK\nC: c CAPABILITY\n" + strings.Repeat("S: * OK still here\n", maxLines)} {
		synctest.Test(t, func(t *testing.T) {
			dial := scripted(t, script)
			if name == "silent" {
				dial = func(context.Context, string, string) (net.Conn, error) { client, _ := net.Pipe(); return client, nil }
			}
			checker := New(Config{Protocol: IMAP, Address: "old.test:1", Security: None, Dial: dial, AtOnce: 1})
			began := time.Now()
			done := make(chan error)
			for range 2 {
				go func() { done <- checker.Check(t.Context(), "anna", []byte("x"), netip.Addr{}) }()
			}
			for range 2 {
				if err := <-done; err == nil || errors.Is(err, ErrWrong) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
		})
	}
}

// What would end the line is never sent: it would be a command of its own.
func TestNoLineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checker := New(Config{Protocol: IMAP, Address: "old.test:1", Security: None, Dial: scripted(t, strings.Split(imapBare, "C: anna")[0])})
		if err := checker.Check(t.Context(), "an\na", []byte("x\r\nb DELETE INBOX"), netip.Addr{}); err == nil || errors.Is(err, ErrWrong) {
			t.Error(err)
		}
	})
}
