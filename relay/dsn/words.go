package dsn

import (
	"fmt"
	"strings"
)

// maxWord keeps fields within a line (RFC 5322 §2.1.1).
const maxWord = 900

// plain keeps a stranger's words within their line and within ASCII.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s[:min(len(s), maxWord)])
}

// word is plain, and one word.
func word(s string) string { return strings.ReplaceAll(plain(s), " ", "") }

// address stands in To: between angle brackets; one that is not ASCII goes as it is, by SMTPUTF8 (RFC 6532).
func address(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

// encoded is an address in ASCII: what is not becomes \x{…} (RFC 6533 §3).
func encoded(s string) string {
	var b strings.Builder
	for _, c := range s[:min(len(s), maxWord)] {
		switch {
		case c > '~':
			fmt.Fprintf(&b, `\x{%X}`, c)
		case c < ' ':
			b.WriteByte('?')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func ascii(s string) bool { return !strings.ContainsFunc(s, func(c rune) bool { return c > '~' }) }
