package cutover

import (
	"fmt"
	"strings"
)

// Address is one mail address, local@domain, in the form used for comparison: the domain in lower case without a trailing dot, the local
// part as written (RFC 5321 §2.3.11 leaves its case to the receiving host). Quoted local parts keep their quotes.
type Address string

// ParseAddress splits text at its last @ and normalises the domain. It refuses empty parts, control characters, spaces outside a quoted local part,
// and angle brackets, so that an Address can be written into an SMTP command as it is.
func ParseAddress(text string) (Address, error) {
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at == len(text)-1 {
		return "", fmt.Errorf("address %q: want local@domain", text)
	}
	local, domain := text[:at], strings.ToLower(strings.TrimSuffix(text[at+1:], "."))
	if domain == "" || strings.ContainsAny(domain, " \t<>()\",:;\\") || hasControl(domain) {
		return "", fmt.Errorf("address %q: the domain is not valid", text)
	}
	if !validLocal(local) {
		return "", fmt.Errorf("address %q: the local part is not valid", text)
	}
	return Address(local + "@" + domain), nil
}

// Local is the part before the last @, quotes included.
func (a Address) Local() string {
	if at := strings.LastIndexByte(string(a), '@'); at >= 0 {
		return string(a[:at])
	}
	return string(a)
}

// Domain is the part after the last @, in lower case.
func (a Address) Domain() string {
	if at := strings.LastIndexByte(string(a), '@'); at >= 0 {
		return string(a[at+1:])
	}
	return ""
}

// Fold is the address in the form by which mailboxes are looked up: all lower case. Every server of the field ignores the case of local parts.
func (a Address) Fold() Address { return Address(strings.ToLower(string(a))) }

// WithoutTag removes a plus tag: anna+news@example.com becomes anna@example.com (RFC 5233 subaddress). Quoted local parts are left alone.
func (a Address) WithoutTag() Address {
	local := a.Local()
	plus := strings.IndexByte(local, '+')
	if plus <= 0 || local[0] == '"' {
		return a
	}
	return Address(local[:plus] + "@" + a.Domain())
}

func validLocal(local string) bool {
	if local == "" || hasControl(local) {
		return false
	}
	if local[0] != '"' {
		return !strings.ContainsAny(local, " \t<>()\",:;\\")
	}
	return validQuoted(local)
}

// validQuoted accepts an RFC 5321 §4.1.2 Quoted-string: inner quotes and backslashes must be escaped.
func validQuoted(local string) bool {
	if len(local) < 2 || local[len(local)-1] != '"' {
		return false
	}
	inner := local[1 : len(local)-1]
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return false
		case '\\':
			if i++; i == len(inner) {
				return false
			}
		}
	}
	return true
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
