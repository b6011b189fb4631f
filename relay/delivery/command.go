package delivery

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// RFC 3461 §4.2 and §4.4.
const (
	maxEnvID = 100
	maxORcpt = 500
)

// mailCommand is MAIL with the parameters that the next hop offers and the
// message needs, and no other.
func mailCommand(e *Envelope, size int64, utf8 bool, ext extensions) string {
	var b strings.Builder
	b.WriteString("MAIL FROM:<" + e.From + ">")
	if ext.has("SIZE") {
		b.WriteString(" SIZE=" + strconv.FormatInt(size, 10))
	}
	if e.EightBit {
		b.WriteString(" BODY=8BITMIME")
	}
	if utf8 {
		b.WriteString(" SMTPUTF8")
	}
	if e.RequireTLS {
		b.WriteString(" " + requireTLS)
	}
	if ext.has("DSN") {
		if e.Ret != "" {
			b.WriteString(" RET=" + e.Ret)
		}
		if id := xtext(e.EnvID); id != "" && len(id) <= maxEnvID {
			b.WriteString(" ENVID=" + id)
		}
	}
	b.WriteString("\r\n")
	return b.String()
}

func rcptCommand(r *Recipient, utf8 bool, ext extensions) string {
	var b strings.Builder
	b.WriteString("RCPT TO:<" + r.Address + ">")
	if ext.has("DSN") {
		if len(r.Notify) > 0 {
			b.WriteString(" NOTIFY=" + strings.Join(r.Notify, ","))
		}
		if o := orcpt(r.ORcpt, utf8); r.ORcpt != "" && len(o) <= maxORcpt {
			b.WriteString(" ORCPT=" + o)
		}
	}
	b.WriteString("\r\n")
	return b.String()
}

// maxForward bounds the value of an XFORWARD attribute (Postfix's XFORWARD_README).
const maxForward = 255

// xforward tells a next hop that offers XFORWARD for whom we act; "" where
// there is nothing to say. The name is told to be unknown: nobody looked it up.
func xforward(c *Origin, ext extensions) string {
	offered := ext["XFORWARD"]
	if c == nil || !slices.Contains(offered, "ADDR") {
		return ""
	}
	addr, err := netip.ParseAddr(c.Addr)
	if err != nil {
		return ""
	}
	address := addr.Unmap().WithZone("").String()
	if addr.Unmap().Is6() {
		address = "IPV6:" + address
	}
	line := "XFORWARD"
	for _, a := range []struct{ name, value string }{
		{"NAME", "[UNAVAILABLE]"}, {"ADDR", address}, {"HELO", xtext(c.Helo)}, {"IDENT", xtext(c.ID)}, {"SOURCE", "REMOTE"},
	} {
		if a.value != "" && len(a.value) <= maxForward && slices.Contains(offered, a.name) {
			line += " " + a.name + "=" + a.value
		}
	}
	return line + "\r\n"
}

// xtext encodes as in RFC 3461 §4.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// orcpt encodes type;address. An address of type utf-8 has an encoding of its
// own (RFC 6533 §3), and stands as it is where SMTPUTF8 is in use.
func orcpt(s string, smtputf8 bool) string {
	kind, address, _ := strings.Cut(s, ";")
	if !strings.EqualFold(kind, "utf-8") {
		return kind + ";" + xtext(address)
	}
	var b strings.Builder
	for _, r := range address {
		switch {
		case r > ' ' && r < 0x7f && r != '+' && r != '=' && r != '\\':
			b.WriteRune(r)
		case r >= utf8.RuneSelf && smtputf8:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\x{%02X}`, r)
		}
	}
	return kind + ";" + b.String()
}

// needsUTF8 reports whether MAIL must say SMTPUTF8, whoever the recipients
// are.
func (e *Envelope) needsUTF8() bool { return e.UTF8 || !isASCII(e.From) }
