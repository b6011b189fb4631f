package evidence

import (
	"net/netip"
	"strings"
)

// OriginFields are the header fields that Origin reads.
var OriginFields = []string{"Received", "Return-Path", "From"}

// Origin finds who handed a message to the side on which it lies, from its header: the client of the first hop, from the top, that comes from beyond that side's own hosts.
// Where one tenant of a service writes to another it is the service. ok is false where the header does not tell.
func Origin(header []byte) (sender string, client netip.Addr, from string, ok bool) {
	var home string
	beyond := false // what others wrote is not believed
	for _, field := range unfold(header) {
		name, value, _ := strings.Cut(field, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "return-path":
			from = addressIn(value)
		case "from":
			if from == "" {
				from = addressIn(value)
			}
		case "received":
			if ok || beyond {
				continue
			}
			h := hopOf(value)
			_, by := hostOf(h.by)
			if home == "" {
				home = by
			}
			_, of := hostOf(h.from)
			switch {
			case by != home && by != "":
				beyond = true
			case home == "" || h.from == "":
			case of == home || !h.client.IsValid() || h.client.IsPrivate() || h.client.IsLoopback():
				if of != "" {
					sender, client = h.from, h.client // of the service itself, unless a further hop tells more
				}
			default:
				sender, client, ok = h.from, h.client, true
			}
		}
	}
	return sender, client, from, ok || sender != "" && from != ""
}

// hop is what one Received field tells.
type hop struct {
	from, by string
	client   netip.Addr
}

// hopOf reads "from HELO (NAME [ADDRESS]) by HOST …" (RFC 5321 §4.4) as servers write it. The name that was looked up is believed before that which the client gave.
func hopOf(value string) (h hop) {
	value, _, _ = strings.Cut(value, ";")
	head, rest, found := strings.Cut(" "+value+" ", " by ")
	if found {
		h.by = firstWord(rest)
	}
	_, head, found = strings.Cut(head, " from ")
	if !found {
		return h
	}
	h.from = strings.Trim(firstWord(head), "[]")
	_, comment, _ := strings.Cut(head, "(")
	for _, word := range strings.FieldsFunc(comment, func(r rune) bool { return strings.ContainsRune(" \t()[],", r) }) {
		if at, err := netip.ParseAddr(strings.TrimPrefix(strings.ToLower(word), "ipv6:")); err == nil {
			h.client = at.Unmap()
		} else if host, _ := hostOf(word); host != "" && !h.client.IsValid() {
			h.from = host
		}
	}
	if at, err := netip.ParseAddr(h.from); err == nil && !h.client.IsValid() {
		h.client = at.Unmap()
	}
	return h
}

func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return strings.Trim(words[0], "();")
	}
	return ""
}

// addressIn is the address of a field, without its name and brackets.
func addressIn(value string) string {
	if at := strings.LastIndexByte(value, '<'); at >= 0 {
		value, _, _ = strings.Cut(value[at+1:], ">")
	}
	return strings.TrimSpace(value)
}

// unfold splits a header into its fields.
func unfold(header []byte) (fields []string) {
	for line := range strings.Lines(string(header)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			return fields
		case (line[0] == ' ' || line[0] == '\t') && len(fields) > 0:
			fields[len(fields)-1] += " " + strings.TrimSpace(line)
		default:
			fields = append(fields, line)
		}
	}
	return fields
}
