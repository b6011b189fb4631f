package logtail

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"time"
)

// dialog is a session of which the log shows commands and replies, as far as it tells of use: whose login succeeded, which message was taken. It is a plain value
// that survives a restart.
type dialog struct {
	At         time.Time  `json:"at"` // of its last line
	Service    string     `json:"service"`
	Client     netip.Addr `json:"client,omitzero"`
	Name       string     `json:"name,omitempty"`      // as which the client greets
	User       string     `json:"user,omitempty"`      // authenticated
	Authentic  bool       `json:"authentic,omitempty"` // perhaps without a name that the log shows
	Tried      string     `json:"tried,omitempty"`     // as whom the client tries to authenticate
	From       string     `json:"from,omitempty"`
	Awaits     string     `json:"awaits,omitempty"` // what the next reply answers: a verb, or IMAP's tag
	Submission bool       `json:"submission,omitempty"`
}

// What a reply may answer besides a plain verb.
const (
	awaitsAuth = "AUTH" // login, or a step of it
	awaitsBody = "BODY" // a message that was sent
)

// outcome is what a reply decided.
type outcome int

const (
	nothing  outcome = iota
	loggedIn         // the client is User from now on
	accepted         // a message of From was taken
	over             // the server said goodbye
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

// reply reads what the server said.
func (d *dialog) reply(text string) outcome {
	switch d.Service {
	case "SMTP":
		return d.smtpReply(text)
	case "POP3":
		return d.popReply(text)
	}
	return d.imapReply(text)
}

func (d *dialog) smtpReply(text string) outcome {
	if len(text) < 3 || len(text) > 3 && text[3] == '-' {
		return nothing
	}
	awaits := d.Awaits
	d.Awaits = ""
	switch code := text[:3]; {
	case awaits == awaitsAuth && code == "334":
		d.Awaits = awaitsAuth
	case awaits == awaitsAuth && code == "235":
		d.authenticated()
		return loggedIn
	case awaits == awaitsAuth:
		d.Tried = ""
	case awaits == "DATA" && code == "354":
		d.Awaits = awaitsBody
	case awaits == awaitsBody && code[0] == '2':
		return accepted
	case awaits == "MAIL" && code[0] != '2':
		d.From = ""
	case code == "221" || code == "421":
		return over
	}
	return nothing
}

// authenticated makes whoever tried a user. Where the log masks names, another line may have told it.
func (d *dialog) authenticated() {
	d.Authentic = true
	if d.Tried != "" {
		d.User = d.Tried
	}
}

func (d *dialog) popReply(text string) outcome {
	awaits := d.Awaits
	d.Awaits = ""
	switch {
	case awaits == awaitsAuth && strings.HasPrefix(text, "+OK"):
		d.authenticated()
		return loggedIn
	case awaits == awaitsAuth && strings.HasPrefix(text, "+"):
		d.Awaits = awaitsAuth
	case awaits == "QUIT":
		return over
	}
	return nothing
}

func (d *dialog) imapReply(text string) outcome {
	tag, rest, _ := strings.Cut(text, " ")
	switch {
	case tag == "*" && strings.HasPrefix(rest, "BYE"):
		return over
	case tag != d.Awaits || d.Awaits == "":
		return nothing
	}
	d.Awaits = ""
	if len(rest) >= 2 && strings.EqualFold(rest[:2], "OK") {
		d.authenticated()
		return loggedIn
	}
	return nothing
}

// mail is the message that was just taken.
func (d *dialog) mail(at time.Time, id string) mail {
	m := mail{At: at, Client: d.Client, User: d.User, Submission: d.Submission || d.Authentic, Message: id}
	if isHostName(d.Name) {
		m.Name = d.Name
	}
	return m
}

// isHostName tells a name in a greeting that may name a sending system: not a word, and not an address.
func isHostName(name string) bool {
	if !strings.Contains(name, ".") || strings.ContainsAny(name, "[] :/\\<>") {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// client is who is logged in: where the log does not name him, the address.
func (d *dialog) client() client {
	user := d.User
	if user == "" && d.Client.IsValid() {
		user = d.Client.String()
	}
	return client{service: d.Service, user: user, addr: d.Client}
}
