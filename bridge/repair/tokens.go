package repair

import (
	"bytes"
	"regexp"
	"strings"
)

type kind int

const (
	mark  kind = iota // structure, and what must stay as it is
	blank             // white space, folding included
	word
)

// token is a piece of a field's value. The raw octets of all tokens are the value.
type token struct {
	kind kind
	raw  []byte
	text []byte // what it says: a quoted string without its quotes
}

func (t token) needy() bool { return t.kind == word && hasHigh(t.text) }

var encodedWord = regexp.MustCompile(`^=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=$`)

func (t token) isEncoded() bool { return t.kind == word && encodedWord.Match(t.raw) }

// words are the tokens of unstructured text.
func words(value []byte) []token {
	var found []token
	for len(value) > 0 {
		n, k := span(value, isSpace), blank
		if n == 0 {
			n, k = span(value, func(c byte) bool { return !isSpace(c) }), word
		}
		found = append(found, token{k, value[:n], value[:n]})
		value = value[n:]
	}
	return found
}

// phrases are the tokens of an address list: words are what may be encoded, those of display names and comments.
func phrases(value []byte) []token {
	var found []token
	depth := 0 // of comments
	for len(value) > 0 {
		t := phraseToken(value, depth > 0)
		switch t.raw[0] {
		case '(':
			depth++
		case ')':
			depth--
		}
		found = append(found, t)
		value = value[len(t.raw):]
	}
	return found
}

// phraseToken is the first token of an address list, or of a comment in it.
func phraseToken(value []byte, comment bool) token {
	c := value[0]
	switch {
	case isSpace(c):
		n := span(value, isSpace)
		return token{blank, value[:n], value[:n]}
	case c == '"' && !comment:
		return quotedToken(value)
	case c == '<' && !comment:
		n := max(1, bytes.IndexByte(value, '>')+1)
		return token{mark, value[:n], value[:n]}
	case isSpecial(c):
		return token{mark, value[:1], value[:1]}
	}
	return atomToken(value)
}

// quotedToken is a quoted string: a word, unless it is a local part.
func quotedToken(value []byte) token {
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			t := token{word, value[:i+1], unquoted(value[:i+1])}
			if rest := value[i+1:]; len(rest) > 0 && (rest[0] == '@' || rest[0] == '.') {
				t.kind = mark
			}
			return t
		}
	}
	return token{mark, value[:1], value[:1]}
}

// atomToken is a run of other octets: a word, unless it is an address.
func atomToken(value []byte) token {
	n := 0
	for n < len(value) && !isSpace(value[n]) && !isSpecial(value[n]) {
		if value[n] == '\\' && n+1 < len(value) {
			n++
		}
		n++
	}
	t := token{word, value[:n], value[:n]}
	if bytes.IndexByte(t.raw, '@') >= 0 {
		t.kind = mark
	}
	return t
}

func unquoted(quoted []byte) []byte {
	var out []byte
	for i := 1; i < len(quoted)-1; i++ {
		if quoted[i] == '\\' && i < len(quoted)-2 {
			i++
		}
		out = append(out, quoted[i])
	}
	return out
}

func span(p []byte, in func(byte) bool) int {
	n := 0
	for n < len(p) && in(p[n]) {
		n++
	}
	return n
}

func isSpace(c byte) bool { return isBlank(c) || c == '\r' || c == '\n' }

func isSpecial(c byte) bool { return c != 0 && strings.IndexByte(`,;:<>()"[]`, c) >= 0 }
