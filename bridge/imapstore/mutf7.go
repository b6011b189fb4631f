package imapstore

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

var mutf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// mailboxName writes a folder's name for a command of ours: modified UTF-7 (RFC 3501 §5.1.3), quoted. go-imap does the same for its own.
func mailboxName(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	if raw, odd := oddName(name); odd {
		return quoted(raw)
	}
	return quoted(encodeName(name))
}

func encodeName(name string) string {
	var b strings.Builder
	var wide []rune
	flush := func() {
		if len(wide) > 0 {
			b.WriteString("&" + mutf7.EncodeToString(utf16BE(wide)) + "-")
			wide = wide[:0]
		}
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			wide = append(wide, r)
			continue
		}
		flush()
		b.WriteRune(r)
		if r == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}

// decodeName reports false for what is not modified UTF-7. What it accepts too much, encoding again shows.
func decodeName(raw string) (string, bool) {
	var b strings.Builder
	for raw != "" {
		plain, rest, shifted := strings.Cut(raw, "&")
		b.WriteString(plain)
		if !shifted {
			break
		}
		wide, after, ended := strings.Cut(rest, "-")
		octets, err := mutf7.DecodeString(wide)
		if !ended || err != nil || len(octets)%2 != 0 {
			return "", false
		}
		if wide == "" {
			b.WriteByte('&')
		}
		b.WriteString(fromUTF16BE(octets))
		raw = after
	}
	return b.String(), true
}

func fromUTF16BE(octets []byte) string {
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	return string(utf16.Decode(units))
}

func utf16BE(runes []rune) []byte {
	var octets []byte
	for _, unit := range utf16.Encode(runes) {
		octets = append(octets, byte(unit>>8), byte(unit))
	}
	return octets
}
