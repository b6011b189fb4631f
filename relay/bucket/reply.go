package bucket

import (
	"slices"
	"strconv"
	"strings"
)

// reply is what a text says: its enhanced codes and its words.
type reply struct {
	codes []string
	text  string // lower case
}

// read finds the enhanced codes in a text: CLASS.SUBJECT.DETAIL (RFC 3463 §2), as words of their own.
func read(text string) reply {
	r := reply{text: strings.ToLower(text)}
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }) {
		if word = strings.Trim(word, "."); enhanced(word) {
			r.codes = append(r.codes, word)
		}
	}
	return r
}

func enhanced(word string) bool {
	parts := strings.Split(word, ".")
	return len(parts) == 3 && (parts[0] == "4" || parts[0] == "5") && digits(parts[1]) && digits(parts[2])
}

func digits(s string) bool {
	return len(s) > 0 && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

func (r rule) fits(said reply) bool {
	for _, code := range said.codes {
		if slices.ContainsFunc(r.codes, func(c string) bool { return c == code || strings.HasSuffix(c, ".") && strings.HasPrefix(code, c) }) {
			return true
		}
		if slices.ContainsFunc(r.from, func(s span) bool { return s.holds(code) }) {
			return true
		}
	}
	return slices.ContainsFunc(r.texts, func(t string) bool { return strings.Contains(said.text, t) })
}

func (s span) holds(code string) bool {
	detail, ok := strings.CutPrefix(code, s.class+".7.")
	n, err := strconv.Atoi(detail)
	return ok && err == nil && n >= s.first && n <= s.last
}
