package arc

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// tags are a tag list (RFC 6376 §3.2).
type tags map[string]string

func parseTags(text string) (tags, error) {
	found := tags{}
	parts := strings.Split(text, ";")
	if strings.TrimSpace(parts[len(parts)-1]) == "" {
		parts = parts[:len(parts)-1]
	}
	for _, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if _, twice := found[name]; !ok || twice || name == "" {
			return nil, fmt.Errorf("not a tag list")
		}
		found[name] = strings.TrimSpace(value)
	}
	return found, nil
}

// octets are the value of a tag in base64, white space aside.
func (t tags) octets(name string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(t[name]), ""))
	if err == nil && len(b) == 0 {
		err = fmt.Errorf("empty")
	}
	if err != nil {
		return nil, fmt.Errorf("%s=: %w", name, err)
	}
	return b, nil
}

// list is the value of a tag divided by colons, in lower case.
func (t tags) list(name string) []string {
	var all []string
	for _, item := range strings.Split(t[name], ":") {
		all = append(all, strings.ToLower(strings.TrimSpace(item)))
	}
	return all
}

// instance is the tag i, 1 to 50.
func (t tags) instance() (int, bool) { return instance(t["i"]) }

func instance(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= maxSets && text == strconv.Itoa(n)
}

// relaxations says which form of header and body a signature is over (c=): simple, unless it says relaxed.
func (t tags) relaxations() (header, body bool, err error) {
	h, b, _ := strings.Cut(t["c"], "/")
	for _, form := range []struct {
		text    string
		relaxed *bool
	}{{h, &header}, {b, &body}} {
		switch form.text {
		case "relaxed":
			*form.relaxed = true
		case "", "simple":
		default:
			return false, false, fmt.Errorf("c=%s", t["c"])
		}
	}
	return header, body, nil
}

// limit is how much of the body a signature is over (l=); negative: all.
func (t tags) limit() (int64, error) {
	text, given := t["l"]
	if !given {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("l=%s", text)
	}
	return n, nil
}
