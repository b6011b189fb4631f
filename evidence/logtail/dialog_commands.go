package logtail

import (
	"encoding/base64"
	"strings"
)

// command reads what the client said. left tells that it says goodbye.
func (d *dialog) command(text string) (left bool) {
	if d.Service != "SMTP" && d.Service != "POP3" {
		return d.imapCommand(text)
	}
	if d.Awaits == awaitsAuth && d.answersChallenge(text) {
		return false
	}
	verb, rest, _ := strings.Cut(text, " ")
	verb = strings.ToUpper(verb)
	d.Awaits = verb
	switch verb {
	case "HELO", "EHLO":
		d.Name = strings.Clone(strings.TrimSpace(rest))
	case "MAIL":
		d.From = strings.Clone(reversePath(rest))
	case "BDAT":
		d.Awaits = ""
		if strings.HasSuffix(strings.ToUpper(strings.TrimSpace(rest)), " LAST") {
			d.Awaits = awaitsBody
		}
	case "AUTH":
		d.auth(rest)
	case "USER":
		d.Tried = strings.Clone(strings.TrimSpace(rest))
	case "PASS":
		d.Awaits = awaitsAuth
	case "APOP":
		user, _, _ := strings.Cut(rest, " ")
		d.Tried, d.Awaits = strings.Clone(user), awaitsAuth
	case "RSET":
		d.From = ""
	case "QUIT":
		return true
	}
	return false
}

// reversePath reads FROM:<anna@example.com> SIZE=1; some clients leave the brackets away.
func reversePath(rest string) string {
	if from, ok := angled(rest, "<"); ok {
		return from
	}
	_, from, _ := strings.Cut(rest, ":")
	from, _, _ = strings.Cut(strings.TrimSpace(from), " ")
	return from
}

// auth reads AUTH LOGIN, AUTH PLAIN and others, perhaps with an initial response (RFC 4954 §4).
func (d *dialog) auth(rest string) {
	_, initial, _ := strings.Cut(rest, " ")
	d.Awaits, d.Tried = awaitsAuth, userIn(initial)
}

// answersChallenge reads a step of a login: the first that holds a name tells who it is. It is no step where the server's reply was not shown.
func (d *dialog) answersChallenge(text string) bool {
	if strings.ContainsAny(text, " ") || isVerb(text) {
		return false
	}
	if d.Tried == "" {
		d.Tried = userIn(text)
	}
	return true
}

func isVerb(text string) bool {
	switch strings.ToUpper(text) {
	case "QUIT", "RSET", "NOOP", "EHLO", "HELO", "DATA", "STARTTLS", "STLS", "CAPA", "STAT", "LIST", "UIDL":
		return true
	}
	return false
}

// userIn finds the name in a base64 response: of PLAIN the second of its three parts (RFC 4616), of LOGIN all of it. A digest has none, nor what was masked.
func userIn(response string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(response))
	if err != nil || len(raw) == 0 {
		return ""
	}
	user := string(raw)
	if parts := strings.Split(user, "\x00"); len(parts) == 3 {
		user = parts[1]
	}
	if strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) || len(user) > 256 {
		return ""
	}
	return user
}

// imapCommand reads tag LOGIN user password, tag AUTHENTICATE mechanism, and the steps of that.
func (d *dialog) imapCommand(text string) (left bool) {
	tag, rest, ok := strings.Cut(text, " ")
	if !ok {
		if d.Awaits != "" && d.Tried == "" {
			d.Tried = userIn(text)
		}
		return false
	}
	verb, rest, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(verb) {
	case "LOGIN":
		d.Awaits, d.Tried = strings.Clone(tag), strings.Clone(imapAstring(rest))
	case "AUTHENTICATE":
		_, initial, _ := strings.Cut(rest, " ")
		d.Awaits, d.Tried = strings.Clone(tag), userIn(initial)
	case "LOGOUT":
		return true
	}
	return false
}

// imapAstring reads a word, quoted or not (RFC 3501 §4.3).
func imapAstring(text string) string {
	if !strings.HasPrefix(text, `"`) {
		word, _, _ := strings.Cut(text, " ")
		return word
	}
	var word strings.Builder
	for i := 1; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		word.WriteByte(text[i])
	}
	return word.String()
}
