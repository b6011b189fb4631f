package relay

import (
	"regexp"
	"strconv"
	"strings"
)

// Unxtext undoes RFC 3461 §4's encoding, as parameters come in; the delivery client encodes anew what goes out. What is not encoded rightly is nothing: a parameter about
// notifications must not keep a message.
func Unxtext(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return ""
		}
		octet, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil || octet < ' ' || octet > '~' {
			return ""
		}
		b.WriteByte(byte(octet))
		i += 2
	}
	return b.String()
}

var (
	addressType   = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	unicodeEscape = regexp.MustCompile(`\\x\{([0-9A-Fa-f]{2,6})\}`)
)

// OriginalRecipient decodes ORCPT: type;address.
func OriginalRecipient(given string) string {
	kind, encoded, ok := strings.Cut(given, ";")
	if !ok || !addressType.MatchString(kind) {
		return ""
	}
	address := Unxtext(encoded)
	if strings.EqualFold(kind, "utf-8") { // RFC 6533 §3
		address = unicodeEscape.ReplaceAllStringFunc(encoded, func(escape string) string {
			r, _ := strconv.ParseUint(escape[3:len(escape)-1], 16, 32)
			return string(rune(r))
		})
	}
	if address == "" || strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	return kind + ";" + address
}
