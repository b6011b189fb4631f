package delivery

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// extensions is what the next hop offered in its last EHLO: keyword in upper
// case to its parameters.
type extensions map[string][]string

func parseExtensions(lines, ignore []string) extensions {
	ext := extensions{}
	for _, line := range lines[min(1, len(lines)):] {
		// "AUTH=LOGIN PLAIN" is what servers say for clients older than RFC 2554.
		words := strings.Fields(strings.ToUpper(strings.Replace(line, "AUTH=", "AUTH ", 1)))
		if len(words) == 0 || slices.ContainsFunc(ignore, func(s string) bool { return strings.EqualFold(s, words[0]) }) {
			continue
		}
		ext[words[0]] = append(ext[words[0]], words[1:]...)
	}
	return ext
}

func (x extensions) has(keyword string) bool {
	_, ok := x[keyword]
	return ok
}

// without is a copy that lacks a keyword: others may read this one.
func (x extensions) without(keyword string) extensions {
	rest := maps.Clone(x)
	delete(rest, keyword)
	return rest
}

func (x extensions) offers(m Mechanism) bool {
	return slices.Contains(x["AUTH"], string(m))
}

// sizeLimit is the greatest message taken; ok is false if there is no limit or
// none was named (RFC 1870 §4: zero means none).
func (x extensions) sizeLimit() (limit int64, ok bool) {
	params := x["SIZE"]
	if len(params) == 0 {
		return 0, false
	}
	limit, err := strconv.ParseInt(params[0], 10, 64)
	return limit, err == nil && limit > 0
}

// fit refuses the message if this next hop cannot take it for anybody.
func (x extensions) fit(e *Envelope, size int64) *Unfit {
	limit, limited := x.sizeLimit()
	switch {
	case limited && size > limit:
		return &Unfit{TooBig, strconv.FormatInt(size, 10) + " bytes, limit " + strconv.FormatInt(limit, 10)}
	case e.needsUTF8() && !x.has("SMTPUTF8"):
		return &Unfit{UTF8, ""}
	case e.EightBit && !x.has("8BITMIME"):
		return &Unfit{EightBit, ""}
	case e.BareNewline && !x.has("CHUNKING"):
		return &Unfit{BareNewline, ""}
	case e.RequireTLS && !x.has(requireTLS):
		return &Unfit{NoRequireTLS, ""}
	}
	return nil
}

// fitRecipient refuses one recipient where SMTPUTF8 is missing.
func (x extensions) fitRecipient(r *Recipient) *Unfit {
	if !isASCII(r.Address) && !x.has("SMTPUTF8") {
		return &Unfit{UTF8, r.Address}
	}
	return nil
}
