package login

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The replies are those servers really give, as collected from their sources,
// documentation and traces.
func TestExplainReply(t *testing.T) {
	for _, tc := range []struct {
		reply string
		kind  error
		hint  string
	}{
		// Dovecot
		{`NO [AUTHENTICATIONFAILED] Authentication failed.`, ErrRefused, "wrong"},
		{`NO [AUTHORIZATIONFAILED] Authorization failed.`, ErrRefused, "master user"},
		{`NO [UNAVAILABLE] Temporary authentication failure. [mail:2026-11-22 10:00:00]`, ErrUnavailable, ""},
		{`NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)`, ErrThrottled, "limit"},
		{`NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.`, ErrDisabled, "TLS"},
		{`NO [EXPIRED] Password expired.`, ErrDisabled, "expired"},
		{`NO [AUTHENTICATIONFAILED] User disabled.`, ErrDisabled, "switched off"},
		{`NO Unsupported authentication mechanism.`, ErrDisabled, "way to log in"},
		{`NO [SERVERBUG] Internal error occurred. Refer to server log for more information.`, ErrUnavailable, ""},
		{`535 5.7.8 Authentication failed.`, ErrRefused, "wrong"},
		// Cyrus, Courier, Postfix, Exim
		{`NO Login failed: authentication failure`, ErrRefused, "wrong"},
		{`NO Login failed.`, ErrRefused, "wrong"},
		{`BYE Temporary problem, please try again later`, ErrUnavailable, ""},
		{`535 5.7.8 Error: authentication failed: authentication failure`, ErrRefused, "wrong"},
		{`454 4.7.0 Temporary authentication failure: generic failure`, ErrUnavailable, ""},
		{`530 5.7.0 Must issue a STARTTLS command first`, ErrDisabled, "TLS"},
		{`538 5.7.11 Encryption required for requested authentication mechanism`, ErrDisabled, "TLS"},
		{`503 AUTH command used when not advertised`, ErrDisabled, "way to log in"},
		{`504 5.7.4 Unrecognized authentication type`, ErrDisabled, "way to log in"},
		{`535 Incorrect authentication data`, ErrRefused, "wrong"},
		{`421 too many connections`, ErrThrottled, ""},
		// Exchange and Microsoft 365
		{`NO LOGIN failed.`, ErrRefused, "wrong"},
		{`NO AUTHENTICATE failed.`, ErrRefused, "wrong"},
		{`NO Server Unavailable. 15`, ErrUnavailable, ""},
		{`BAD User is authenticated but not connected.`, ErrUnavailable, "right to it"},
		{`BAD Request is throttled. Suggested Backoff Time: 1500 milliseconds`, ErrThrottled, ""},
		{`NO Request is throttled. Suggested Backoff Time: 1500 milliseconds`, ErrThrottled, ""},
		{`535 5.7.3 Authentication unsuccessful`, ErrRefused, "wrong"},
		{`535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.`, ErrRefused, "wrong"},
		{`535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled`, ErrDisabled, "Set-CASMailbox"},
		{`535 5.7.139 Authentication unsuccessful, basic authentication is disabled.`, ErrDisabled, "tokens"},
		{`432 4.3.2 Concurrent connections limit exceeded`, ErrThrottled, ""},
		{`451 4.7.652 The mail server has exceeded the maximum number of connections.`, ErrThrottled, ""},
		{`451 4.7.500 Server busy. Please try again later`, ErrThrottled, ""},
		{`421 4.3.2 Service not active`, ErrUnavailable, ""},
		// Google
		{`NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)`, ErrRefused, "wrong"},
		{`NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)`, ErrDisabled, "second factor"},
		{`NO [WEBALERT https://accounts.google.com/signin/continue] Web login required.`, ErrDisabled, "second factor"},
		{`NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)`, ErrDisabled, "IMAP is off"},
		{`NO [ALERT] Too many simultaneous connections. (Failure)`, ErrThrottled, ""},
		{`NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)`, ErrThrottled, ""},
		{`535-5.7.8 Username and Password not accepted. For more information, go to`, ErrRefused, "wrong"},
		{`534-5.7.9 Application-specific password required.`, ErrDisabled, "second factor"},
		{`454 4.7.0 Too many login attempts, please try again later.`, ErrThrottled, ""},
		// others
		{`NO [LIMIT] Too many logins`, ErrThrottled, ""},
		{`NO [CONTACTADMIN] Ask`, ErrDisabled, "administrator"},
		{`NO IMAP access is disabled for this user`, ErrDisabled, "IMAP is off"},
		{`NO account is locked`, ErrDisabled, "locked"},
		{`BYE Autologout`, ErrUnavailable, "closed"},
		{`450 whatever`, ErrUnavailable, ""},
		{`554 whatever`, ErrRefused, ""},
	} {
		cause := errors.New("cause")
		var failed *Error
		if !errors.As(ExplainReply(tc.reply, cause), &failed) || !strings.Contains(failed.Hint, tc.hint) || !errors.Is(failed, cause) {
			t.Errorf("%s\nexplained %+v; want a hint with %q", tc.reply, failed, tc.hint)
			continue
		}
		if !errors.Is(failed, tc.kind) {
			t.Errorf("%s\nis %v, want %v", tc.reply, failed.Kind, tc.kind)
		}
	}
}

func TestExplainReadsTheInnermostError(t *testing.T) {
	for text, kind := range map[string]error{
		"imap: NO [AUTHENTICATIONFAILED] Authentication failed.": ErrRefused,
		"imap: NO [UNAVAILABLE] Temporary failure":               ErrUnavailable,
		"SMTP error 535: Authentication unsuccessful":            ErrRefused,
		"SMTP error 454: not now":                                ErrUnavailable,
	} {
		err := fmt.Errorf("opening 535 on too many: %w", fmt.Errorf("login: %w", errors.New(text)))
		got := Explain(err)
		if !errors.Is(got, kind) || got.Error() != err.Error() {
			t.Errorf("%v explained %v, want %v in the same words", err, got, kind)
		}
	}
}

func TestExplainLeavesAlone(t *testing.T) {
	known := fmt.Errorf("again: %w", &Error{Kind: ErrThrottled, Err: errors.New("535 no")})
	for _, err := range []error{nil, known, context.Canceled, context.DeadlineExceeded, errors.New("BAD syntax"), errors.New("NOTHING"), errors.New("5350")} {
		if got := Explain(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestExplainSuggestedWait(t *testing.T) {
	for reply, want := range map[string]time.Duration{
		"BAD Request is throttled. Suggested Backoff Time: 298015 milliseconds": 298015 * time.Millisecond,
		"NO throttled":                    0,
		"NO Suggested Backoff Time: soon": 0,
		"NO Suggested Backoff Time: 9999999999999999999 milliseconds": 0,
	} {
		var failed *Error
		if !errors.As(ExplainReply(reply, errors.New(reply)), &failed) || failed.Wait != want {
			t.Errorf("%s: %+v, want %s", reply, failed, want)
		}
	}
}

func TestExplainConnections(t *testing.T) {
	_, refusedErr := net.Dial("tcp", closedPort(t))
	var silent net.Dialer
	silent.Deadline = time.Now().Add(-time.Second)
	_, timeoutErr := silent.Dial("tcp", "127.0.0.1:9")
	for _, tc := range []struct {
		name string
		err  error
		hint string
	}{
		{"refused", refusedErr, "nothing listens"},
		{"timed out", timeoutErr, "firewall"},
		{"no route", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "no route"},
		{"another error", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}, ""},
		{"unknown name", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, "not in DNS"},
		{"DNS down", &net.DNSError{Err: "server misbehaving", IsTemporary: true}, "DNS does not answer"},
		{"closed", io.ErrUnexpectedEOF, "closed"},
		{"reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "closed"},
		{"plain text on a TLS port", plainGreeting(t), "STARTTLS"},
	} {
		var failed *Error
		if !errors.As(Explain(fmt.Errorf("dialling: %w", tc.err)), &failed) || failed.Kind != ErrUnavailable || !strings.Contains(failed.Hint, tc.hint) {
			t.Errorf("%s: %v explained %+v; want unavailable and a hint with %q", tc.name, tc.err, failed, tc.hint)
		}
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// plainGreeting is the error of a TLS client that meets an SMTP greeting.
func plainGreeting(t *testing.T) error {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		_, _ = server.Read(make([]byte, 16<<10))
		_, _ = server.Write([]byte("220 mail.example ESMTP\r\n"))
	}()
	err := tls.Client(client, &tls.Config{ServerName: "mail.example"}).Handshake()
	if err == nil {
		t.Fatal("TLS with a server that speaks none")
	}
	return err
}
