package relay

import (
	"fmt"
	"strings"
	"time"

	"posthouse/cutover"
)

// prefix is what we prepend: the Received field (RFC 5321 §4.4) with the true client, and our trace. Nothing else of a message changes. It is plain ASCII, so that it
// never makes an 8-bit message of a 7-bit one.
func prefix(p Peer, id cutover.CaptureID, trace cutover.Trace, only cutover.Address, at time.Time) []byte {
	var b strings.Builder
	b.WriteString("Received: from " + origin(p))
	if p.Client.TLS != "" {
		fmt.Fprintf(&b, "\r\n\t(using %s)", plain(p.Client.TLS, "TLS"))
	}
	fmt.Fprintf(&b, "\r\n\tby %s (posthouse) with %s id %s", plain(p.Hostname, "localhost"), plain(p.Protocol, "SMTP"), id)
	if only != "" && isASCII(string(only)) {
		fmt.Fprintf(&b, "\r\n\tfor <%s>", only)
	}
	fmt.Fprintf(&b, ";\r\n\t%s\r\n", at.UTC().Format(time.RFC1123Z))
	fmt.Fprintf(&b, "%s: %s\r\n", cutover.TraceField, trace)
	return []byte(b.String())
}

// origin is the client as others may see it: a device with its name, and of a user only that he logged in. Where he was then is in the ledger, and nobody else's business.
func origin(p Peer) string {
	switch {
	case p.Route == cutover.Submission && p.Client.User != "":
		return "a-user (logged in)"
	case p.Device != "":
		return fmt.Sprintf("%s (%s %s)", plain(p.Client.Name, "unknown"), plain(p.Device, ""), literal(p.Client.Addr))
	}
	return fmt.Sprintf("%s (%s)", plain(p.Client.Name, "unknown"), literal(p.Client.Addr))
}

// completed are the fields that a message of a user or a device has to have and lacks: they may be added (RFC 6409 §8.2 and §8.3), and in front nothing of it changes.
func completed(header []byte, id cutover.CaptureID, hostname string, at time.Time) []byte {
	var b strings.Builder
	if !hasField(header, "date") {
		fmt.Fprintf(&b, "Date: %s\r\n", at.UTC().Format(time.RFC1123Z))
	}
	if !hasField(header, "message-id") {
		fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\n", id, plain(hostname, "localhost"))
	}
	return []byte(b.String())
}

func hasField(header []byte, name string) bool {
	for line := range strings.Lines(string(header)) {
		if field, _, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimRight(field, " \t"), name) {
			return true
		}
	}
	return false
}

// teeFields are prepended to a copy for the old server besides: rules that its owner left behind there must send nothing to anybody. The null reverse path keeps vacation
// replies, refusals and bounces back; these keep back notifications (RFC 3834, RFC 5436 §2.7.1) and redirections, which Sieve gives the null reverse path as well: to
// Dovecot's, a message that says it was redirected from this very mailbox before goes round.
func teeFields(recipient cutover.Address) []byte {
	fields := "Auto-Submitted: auto-generated\r\n"
	if address := string(recipient); isASCII(address) && plain(address, "") == address {
		fields += "X-Sieve-Redirected-From: " + address + "\r\n"
	}
	return []byte(fields)
}

// literal writes an IP address as RFC 5321 §4.1.3 does.
func literal(addr string) string {
	switch {
	case addr == "":
		return "address unknown"
	case strings.Contains(addr, ":"):
		addr = "IPv6:" + addr
	}
	return "[" + plain(addr, "") + "]"
}

// maxWord keeps a line of the Received field under the 998 octets of RFC 5322 §2.1.1, whatever a client called itself.
const maxWord = 255

// plain makes a client's words harmless in a header field: no control characters, nothing beyond ASCII, nothing that begins or ends a comment, a path or the field.
func plain(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`()<>";\`, r) {
			return '?'
		}
		return r
	}, s[:min(len(s), maxWord)])
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}
