package testserver

import (
	"bytes"
	"mime"
	"strings"
)

// headerLength is the number of octets up to and including the empty line, or all of them where there is none.
func headerLength(data []byte) int {
	if bytes.HasPrefix(data, []byte("\r\n")) {
		return 2
	}
	if i := bytes.Index(data, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	return len(data)
}

// eachField calls f with the name and the whole raw field, folds and line end included. Lines that are no field are passed with an empty name.
func eachField(header []byte, f func(name string, raw []byte)) {
	for len(header) > 0 {
		end := fieldEnd(header)
		raw := header[:end]
		header = header[end:]
		if len(bytes.TrimRight(raw, "\r\n")) == 0 {
			return
		}
		name, _, found := bytes.Cut(raw, []byte(":"))
		if !found {
			name = nil
		}
		f(string(bytes.TrimRight(name, " \t")), raw)
	}
}

// fieldEnd is the length of the first field: lines go on while they start with a blank (RFC 5322 §2.2.3).
func fieldEnd(header []byte) int {
	end := 0
	for {
		i := bytes.IndexByte(header[end:], '\n')
		if i < 0 {
			return len(header)
		}
		end += i + 1
		if end >= len(header) || header[end] != ' ' && header[end] != '\t' {
			return end
		}
	}
}

// selectFields returns the raw fields that match, in order, and the empty line (RFC 3501 §6.4.5, HEADER.FIELDS).
func selectFields(header []byte, match func(name string) bool) []byte {
	var out []byte
	eachField(header, func(name string, raw []byte) {
		if match(name) {
			out = append(out, raw...)
		}
	})
	return append(out, "\r\n"...)
}

// searchHeader is a header prepared for SEARCH: names and values in lower case, unfolded; values raw and decoded.
type searchHeader []searchField

type searchField struct{ name, raw, decoded string }

func parseSearchHeader(data []byte) searchHeader {
	var h searchHeader
	decoder := new(mime.WordDecoder)
	eachField(data[:headerLength(data)], func(name string, raw []byte) {
		_, value, _ := strings.Cut(string(raw), ":")
		value = strings.TrimSpace(strings.NewReplacer("\r\n", "").Replace(value))
		decoded, err := decoder.DecodeHeader(value)
		if err != nil {
			decoded = value
		}
		h = append(h, searchField{strings.ToLower(name), strings.ToLower(value), strings.ToLower(decoded)})
	})
	return h
}

// contains tells whether a field of that name has the text somewhere; an empty text asks for the field alone. Both are in lower case.
func (h searchHeader) contains(name, text string) bool {
	for _, f := range h {
		if f.name == name && (strings.Contains(f.raw, text) || strings.Contains(f.decoded, text)) {
			return true
		}
	}
	return false
}

func (h searchHeader) value(name string) string {
	for _, f := range h {
		if f.name == name {
			return f.raw
		}
	}
	return ""
}
