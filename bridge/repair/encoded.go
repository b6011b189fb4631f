package repair

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fields whose octets are compared or signed, or mean nothing but what they are: encoded words have no place in them.
var exact = map[string]bool{
	"message-id": true, "resent-message-id": true, "in-reply-to": true, "references": true, "date": true, "resent-date": true, "return-path": true, "mime-version": true,
	"content-transfer-encoding": true, "content-id": true, "dkim-signature": true, "arc-seal": true, "arc-message-signature": true, "arc-authentication-results": true,
}

var addressed = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "bcc": true, "resent-from": true, "resent-sender": true, "resent-to": true, "resent-cc": true, "resent-bcc": true,
	"disposition-notification-to": true, "return-receipt-to": true,
}

var parametrised = map[string]bool{"content-type": true, "content-disposition": true}

// encoded encodes the 8-bit text of the fields that may hold any.
func encoded(header []byte) []byte {
	if !hasHigh(header) {
		return header
	}
	var out []byte
	for _, field := range fields(header) {
		out = append(out, encodedField(field)...)
	}
	return out
}

// fields are the lines of a header, each with the lines that continue it.
func fields(header []byte) [][]byte {
	var found [][]byte
	start, end := 0, 0
	for line := range bytes.Lines(header) {
		if end > start && !isBlank(line[0]) {
			found = append(found, header[start:end])
			start = end
		}
		end += len(line)
	}
	return append(found, header[start:end])
}

func encodedField(field []byte) []byte {
	name, value, ok := bytes.Cut(field, []byte(":"))
	key := strings.ToLower(string(bytes.TrimRight(name, " \t")))
	if !ok || !hasHigh(value) || exact[key] || slices.ContainsFunc(name, func(c byte) bool { return c < ' ' || isHigh(c) }) {
		return field
	}
	charset := charsetOf(value)
	out := append(bytes.Clone(name), ':')
	switch {
	case parametrised[key]:
		return append(out, encodedParameters(value, charset)...)
	case addressed[key]:
		return append(out, encodedTokens(phrases(value), charset)...)
	}
	return append(out, encodedTokens(words(value), charset)...)
}

// charsetOf guesses only where the octets allow it.
func charsetOf(p []byte) string {
	switch {
	case utf8.Valid(p):
		return "UTF-8"
	case slices.ContainsFunc(p, func(c byte) bool { return isHigh(c) && c < 0xA0 }):
		return "UNKNOWN-8BIT"
	}
	return "ISO-8859-1"
}

var parameter = regexp.MustCompile(`(?s)([A-Za-z0-9-]+)=("(?:[^"\\]|\\.)*"|[^\s;"]+)`)

// encodedParameters writes parameters as RFC 2231 §4 has them.
func encodedParameters(value []byte, charset string) []byte {
	return parameter.ReplaceAllFunc(value, func(p []byte) []byte {
		name, text, _ := bytes.Cut(p, []byte("="))
		if !hasHigh(text) {
			return p
		}
		if text[0] == '"' {
			text = unquoted(text)
		}
		return fmt.Appendf(nil, "%s*=%s''%s", name, charset, percent(unfolded(text)))
	})
}

func percent(text []byte) []byte {
	var out []byte
	for _, c := range text {
		if isPlain(c) && !strings.ContainsRune("*/", rune(c)) {
			out = append(out, c)
			continue
		}
		out = fmt.Appendf(out, "%%%02X", c)
	}
	return out
}

// encodedTokens replaces runs of words that hold 8-bit text, blanks between them included, by encoded words.
func encodedTokens(tokens []token, charset string) []byte {
	var out []byte
	for i := 0; i < len(tokens); i++ {
		if !tokens[i].needy() {
			out = append(out, tokens[i].raw...)
			continue
		}
		end := runEnd(tokens, i)
		if i > 0 && tokens[i-1].kind == word {
			out = append(out, ' ') // an encoded word stands alone
		}
		out = append(out, bytes.Join(encodedWords(runText(tokens, i, end), charset), []byte("\r\n "))...)
		if end < len(tokens) && (tokens[end].kind == word || tokens[end].raw[0] == '<') {
			out = append(out, ' ')
		}
		i = end - 1
	}
	return out
}

// runEnd is where the run of needy words ends that begins at start.
func runEnd(tokens []token, start int) int {
	for i := start + 1; ; i++ {
		if i < len(tokens) && tokens[i].needy() {
			continue
		}
		if i+1 < len(tokens) && tokens[i].kind == blank && tokens[i+1].needy() {
			continue
		}
		return i
	}
}

// runText is what a run says. A blank between it and an encoded word that was there before belongs to it: between two encoded words none is shown.
func runText(tokens []token, start, end int) []byte {
	var text []byte
	if start > 1 && tokens[start-1].kind == blank && tokens[start-2].isEncoded() {
		text = append(text, ' ')
	}
	for _, t := range tokens[start:end] {
		text = append(text, unfolded(t.text)...)
	}
	if end+1 < len(tokens) && tokens[end].kind == blank && tokens[end+1].isEncoded() {
		text = append(text, ' ')
	}
	return text
}

// maxWord is RFC 2047 §2's limit for an encoded word.
const maxWord = 75

// encodedWords writes text as encoded words that are valid in phrases too (RFC 2047 §5), no character divided.
func encodedWords(text []byte, charset string) [][]byte {
	prefix := "=?" + charset + "?Q?"
	var found [][]byte
	now := []byte(prefix)
	for len(text) > 0 {
		size := 1
		if charset == "UTF-8" {
			_, size = utf8.DecodeRune(text)
		}
		char := quotedPrintable(text[:size])
		if len(now)+len(char)+len("?=") > maxWord {
			found = append(found, append(now, "?="...))
			now = []byte(prefix)
		}
		now = append(now, char...)
		text = text[size:]
	}
	return append(found, append(now, "?="...))
}

func quotedPrintable(char []byte) []byte {
	var out []byte
	for _, c := range char {
		switch {
		case c == ' ':
			out = append(out, '_')
		case isPlain(c):
			out = append(out, c)
		default:
			out = fmt.Appendf(out, "=%02X", c)
		}
	}
	return out
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c != 0 && strings.IndexByte("!*+-/.", c) >= 0
}

// unfolded is text without the line ends of folding.
func unfolded(p []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(p, []byte("\r"), nil), []byte("\n"), nil)
}
