package delivery

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Envelope is what MAIL and RCPT say, and what is known of the body.
type Envelope struct {
	// From is the reverse-path without angle brackets; empty is the null one.
	From string
	// UTF8: the header has internationalized text, so SMTPUTF8 is needed even
	// if every address is ASCII. (For such an address it is needed anyway.)
	UTF8 bool
	// EightBit: the body has bytes above 127.
	EightBit bool
	// BareNewline: the body has a CR or an LF outside a CRLF.
	BareNewline bool
	// RequireTLS: the message goes by TLS with a verified certificate alone, to
	// a next hop that offers REQUIRETLS (RFC 8689).
	RequireTLS bool
	// Ret (FULL, HDRS or empty) and EnvID (decoded) are DSN parameters
	// (RFC 3461). These and a recipient's are left out where the next hop does
	// not offer DSN, or where they are longer than the RFC allows.
	Ret, EnvID string
	Recipients []Recipient
	// Origin is whom the message came from, for next hops that offer XFORWARD,
	// as Postfix does to those it trusts; nil tells nothing.
	Origin *Origin
	// ID is our own name for the message and its recipients, by which one that Next announced is known again when it is sent.
	ID string
	// Next, if not nil, may be asked once for the message that the caller sends as soon as this Send has returned; its envelope then goes along with the end of this message. Nothing is
	// promised to it: it is sent by Send like any other.
	Next func() (next Next, some bool)
}

// Origin is the client that we act for.
type Origin struct {
	Addr string // IP address
	Helo string // as it called itself
	ID   string // our own name for the message
}

// Recipient is one RCPT.
type Recipient struct {
	// Address is the forward-path without angle brackets, a local part that
	// needs quotes in its quotes.
	Address string
	// Notify (NEVER, or any of SUCCESS, FAILURE, DELAY) and ORcpt (type;address,
	// decoded, e.g. "rfc822;bob@example.com") are DSN parameters.
	Notify []string
	ORcpt  string
}

// Body is a message with its header, in its final form.
type Body interface {
	// Size is the exact number of bytes. A body that yields another number is
	// never accepted by anybody.
	Size() int64
	// Open returns the bytes from the first on. Send opens a body when it has
	// its turn on a connection, and again where a next hop does not know the
	// BDAT that it offered, and closes what it opened.
	Open() (io.ReadCloser, error)
}

// maxPath is beyond any address in use (RFC 5321 §4.5.3.1.3: 256 octets), with
// room for internationalized ones.
const maxPath = 1024

func (e *Envelope) checkMail() *Unfit {
	if e.From != "" {
		if u := checkPath(e.From); u != nil {
			return u
		}
	}
	if e.Ret != "" && e.Ret != "FULL" && e.Ret != "HDRS" {
		return &Unfit{BadParameter, fmt.Sprintf("RET=%q", e.Ret)}
	}
	return nil
}

func (r *Recipient) check() *Unfit {
	if u := checkPath(r.Address); u != nil {
		return u
	}
	for _, n := range r.Notify {
		if !slices.Contains([]string{"NEVER", "SUCCESS", "FAILURE", "DELAY"}, n) {
			return &Unfit{BadParameter, fmt.Sprintf("NOTIFY=%q", n)}
		}
	}
	if slices.Contains(r.Notify, "NEVER") && len(r.Notify) > 1 {
		return &Unfit{BadParameter, "NOTIFY=NEVER with others"}
	}
	if r.ORcpt == "" {
		return nil
	}
	if kind, address, ok := strings.Cut(r.ORcpt, ";"); !ok || !isAtom(kind) || address == "" {
		return &Unfit{BadParameter, fmt.Sprintf("ORCPT=%q", clip(r.ORcpt, 80))}
	}
	return nil
}

// checkPath refuses what could end the path or the command early. Angle
// brackets are refused even inside quotes, where the grammar allows them:
// servers exist that look for the first one.
func checkPath(path string) *Unfit {
	bad := &Unfit{BadAddress, fmt.Sprintf("%q", clip(path, 80))}
	if path == "" || len(path) > maxPath || !utf8.ValidString(path) {
		return bad
	}
	quoted := false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c < ' ' || c == 0x7f || c == '<' || c == '>':
			return bad
		case c == ' ' && !quoted:
			return bad
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
			if i == len(path) || path[i] < ' ' || path[i] >= 0x7f || path[i] == '<' || path[i] == '>' {
				return bad
			}
		}
	}
	if quoted {
		return bad
	}
	return nil
}

func isAtom(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return false
		}
	}
	return s != ""
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
