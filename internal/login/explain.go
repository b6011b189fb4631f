package login

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Explain classifies why a connection or login failed, as an *Error that wraps
// err. It knows errors of net and crypto/tls, and the replies of IMAP and SMTP
// servers as go-imap's and go-smtp's errors print them. What it does not know,
// what is classified already, nil, and the end of a context come back unchanged.
func Explain(err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) || isContext(err) && !isTimeout(err) {
		return err
	}
	if failed := explainTLS(err); failed != nil {
		return failed
	}
	if failed := explainNet(err); failed != nil {
		return failed
	}
	return ExplainReply(innermost(err).Error(), err)
}

// ExplainReply is Explain for those who have the server's reply at hand, as
// "535 5.7.8 …" or "NO [AUTHENTICATIONFAILED] …", and err to wrap.
func ExplainReply(reply string, err error) error {
	reply = strings.TrimPrefix(strings.TrimPrefix(reply, "imap: "), "SMTP error ")
	for _, rule := range replyRules {
		if rule.match.MatchString(reply) {
			return &Error{Kind: rule.kind, Hint: rule.hint, Wait: suggestedWait(reply), Err: err}
		}
	}
	return err
}

// innermost follows a chain of single causes to its end.
func innermost(err error) error {
	for {
		cause := errors.Unwrap(err)
		if cause == nil {
			return err
		}
		err = cause
	}
}

// isTimeout tells a network deadline, which also matches
// context.DeadlineExceeded, from a context's own.
func isTimeout(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Timeout()
}

func explainTLS(err error) error {
	var (
		pin     *PinError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &pin):
		return &Error{Kind: ErrUntrusted, Hint: "if the server has a new certificate, compare the fingerprint there and set it anew", Err: err}
	case errors.As(err, &name):
		return &Error{Kind: ErrUntrusted, Hint: "use a name that the certificate holds, or pin its fingerprint", Err: err}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Error{Kind: ErrUntrusted, Hint: "the server's certificate is out of date (or this machine's clock is): renew it, or pin its fingerprint", Err: err}
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &verify):
		return &Error{Kind: ErrUntrusted, Hint: "give the authority's certificate, or pin the server's fingerprint", Err: err}
	case errors.As(err, &record):
		return &Error{Kind: ErrUnavailable, Hint: "the port does not speak TLS from the first byte: use STARTTLS there, or another port", Err: err}
	}
	for _, alert := range tlsAlerts {
		if strings.Contains(err.Error(), alert.found) {
			return &Error{Kind: alert.kind, Hint: alert.hint, Err: err}
		}
	}
	return nil
}

// tlsAlerts are found by their text: crypto/tls exports no type for them.
var tlsAlerts = []struct {
	found string
	kind  error
	hint  string
}{
	{"tls: handshake failure", ErrUntrusted, "no way of encryption in common: an old server may need tls10"},
	{"tls: protocol version not supported", ErrUntrusted, "no version of TLS in common: an old server may need tls10"},
	{"tls: server selected unsupported protocol version", ErrUntrusted, "no version of TLS in common: an old server may need tls10"},
	{"tls: certificate required", ErrRefused, "the server wants a client certificate"},
	{"remote error: tls: bad certificate", ErrRefused, "the server does not accept our client certificate, or wants one"},
	{"remote error: tls: unknown certificate authority", ErrRefused, "the server does not know our client certificate's authority"},
	{"remote error: tls: expired certificate", ErrRefused, "our client certificate is out of date"},
}

func explainNet(err error) error {
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	hint := ""
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		hint = "the server's name is not in DNS"
	case errors.As(err, &dns):
		hint = "DNS does not answer"
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = "nothing listens on that port: is the service started, and the port right?"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		hint = "no route to the server"
	case isTimeout(err):
		hint = "the server does not answer: a firewall may drop the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		hint = "the server closed the connection"
	case !errors.As(err, &op):
		return nil
	}
	return &Error{Kind: ErrUnavailable, Hint: hint, Err: err}
}

var backoff = regexp.MustCompile(`(?i)suggested backoff time:? (\d+) milliseconds`)

// suggestedWait reads how long Exchange asks to wait.
func suggestedWait(reply string) time.Duration {
	found := backoff.FindStringSubmatch(reply)
	if found == nil {
		return 0
	}
	ms, err := strconv.ParseInt(found[1], 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}
