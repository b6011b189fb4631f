package cutover

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is one mail address, local@domain, in the form used for comparison: the domain in lower case without a trailing dot, the local
// part as written (RFC 5321 §2.3.11 leaves its case to the receiving host). Quoted local parts keep their quotes.
type Address string

// ParseAddress splits text at its last @ and normalises the domain. It refuses empty parts and labels, control characters, what is not UTF-8 (RFC 6531 §3.3), and, outside a quoted
// local part, spaces, angle brackets, a second @ and the other characters of SMTP's and header syntax, so that an Address can be written into an SMTP command as it is.
func ParseAddress(text string) (Address, error) {
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || !utf8.ValidString(text) {
		return "", fmt.Errorf("address %q: want local@domain in UTF-8", text)
	}
	local, domain := text[:at], strings.ToLower(strings.TrimSuffix(text[at+1:], "."))
	if !validDomain(domain) {
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

// validDomain wants labels, none of them empty, divided by dots.
func validDomain(domain string) bool {
	return !strings.Contains("."+domain+".", "..") && plain(domain)
}

func validLocal(local string) bool {
	if local[0] != '"' {
		return plain(local)
	}
	return !strings.ContainsFunc(local, unicode.IsControl) && validQuoted(local)
}

// plain reports whether text holds nothing that must be quoted.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("<>()\",:;\\@", r)
	})
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
