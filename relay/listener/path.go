package listener

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// path is a parsed forward or reverse path (RFC 5321 §4.1.2). go-smtp hands over local parts without their quotes, which makes
// "victim@other"@here look like an address elsewhere; so paths are parsed here and written anew.
type path struct {
	local  string // without quotes and escapes
	domain string // "" for a bare local part
}

var errPath = errors.New("not a path")

// specials are the octets that a local part may hold in quotes only.
const specials = " \t()<>[]:;@\\,\""

// parsePath reads a path at the start of s and returns what follows it: nothing, or parameters. Brackets may be missing, a source
// route is skipped (RFC 5321 §4.1.1.3 and appendix C), and "<>" is the zero path. Octets that are no UTF-8 (RFC 6531 §3.3) would be another address wherever they are written as text.
func parsePath(s string) (p path, rest string, err error) {
	if !utf8.ValidString(s) {
		return path{}, "", errPath
	}
	s = strings.TrimLeft(s, " ")
	s, bracket := strings.CutPrefix(s, "<")
	if bracket {
		if s, err = skipRoute(s); err != nil {
			return path{}, "", err
		}
	}
	if p.local, s, err = parseLocal(s); err != nil {
		return path{}, "", err
	}
	if after, ok := strings.CutPrefix(s, "@"); ok {
		if p.domain, s, err = parseDomain(after); err != nil {
			return path{}, "", err
		}
	}
	if bracket {
		var closed bool
		if s, closed = strings.CutPrefix(s, ">"); !closed {
			return path{}, "", errPath
		}
	}
	if s != "" && s[0] != ' ' || p.local == "" && (p.domain != "" || !bracket) {
		return path{}, "", errPath
	}
	if p.bare() && !bracket && strings.Contains(p.local, "=") {
		return path{}, "", errPath // a parameter, where the path was left out
	}
	return p, strings.TrimSpace(s), nil
}

// skipRoute drops "@one,@two:" from the inside of a path.
func skipRoute(s string) (string, error) {
	if !strings.HasPrefix(s, "@") {
		return s, nil
	}
	_, after, ok := strings.Cut(s, ":")
	if !ok {
		return "", errPath
	}
	return after, nil
}

func parseLocal(s string) (local, rest string, err error) {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		return parseQuoted(quoted)
	}
	end := strings.IndexAny(s, specials)
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:], nil
}

// parseQuoted reads a quoted string after its opening quote.
func parseQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if b.Len() == 0 {
				return "", "", errPath
			}
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errPath
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errPath
}

// parseDomain reads a domain or an address literal.
func parseDomain(s string) (domain, rest string, err error) {
	end := strings.IndexAny(s, " >")
	if end < 0 {
		end = len(s)
	}
	domain, rest = s[:end], s[end:]
	inner := domain
	if strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]") {
		inner = strings.ReplaceAll(domain[1:len(domain)-1], ":", "")
	}
	if inner == "" || strings.ContainsAny(inner, specials) {
		return "", "", errPath
	}
	return domain, rest, nil
}

// String is the path as it stands between brackets, the local part quoted if it has to be.
func (p path) String() string {
	local := p.local
	if strings.ContainsAny(local, specials) {
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	if p.domain == "" {
		return local
	}
	return local + "@" + p.domain
}

// bare reports whether p is a local part alone.
func (p path) bare() bool { return p.domain == "" && p.local != "" }

func (p path) ascii() bool {
	for _, c := range []byte(p.local + p.domain) {
		if c > 127 {
			return false
		}
	}
	return true
}
