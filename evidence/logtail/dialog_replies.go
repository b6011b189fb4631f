package logtail

import "strings"

// outcome is what a reply decided.
type outcome int

const (
	nothing  outcome = iota
	loggedIn         // the client is User from now on
	accepted         // a message of From was taken
	over             // the server said goodbye
)

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
