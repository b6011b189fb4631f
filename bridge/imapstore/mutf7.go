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

func utf16BE(runes []rune) []byte {
	var octets []byte
	for _, unit := range utf16.Encode(runes) {
		octets = append(octets, byte(unit>>8), byte(unit))
	}
	return octets
}
