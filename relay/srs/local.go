package srs

import (
	"strings"

	"posthouse/cutover"
)

// unquote is what a local part says: its own text, or that within its quotes (RFC 5321 §4.1.2).
func unquote(local string) string {
	if len(local) < 2 || local[0] != '"' {
		return local
	}
	var b strings.Builder
	for i := 1; i < len(local)-1; i++ {
		if local[i] == '\\' && i+1 < len(local)-1 {
			i++
		}
		b.WriteByte(local[i])
	}
	return b.String()
}

// quote writes a text as a local part, in quotes where it is no Dot-string.
func quote(text string) string {
	if isDotString(text) {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// isDotString: atoms of RFC 5321 §4.1.2, of RFC 6531 §3.3 beyond ASCII, divided by single dots.
func isDotString(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, c) >= 0 {
			return false
		}
	}
	return text != "" && !strings.Contains("."+text+".", "..")
}

// canonical is the address in the form in which it comes back.
func canonical(a cutover.Address) cutover.Address {
	return cutover.Address(quote(unquote(a.Local())) + "@" + a.Domain())
}
