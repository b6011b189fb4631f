package logtail

import (
	"cmp"
	"net/netip"
	"strings"

	"posthouse/evidence"
)

// isQmailProgram accepts what splogger and vpopmail call themselves.
func isQmailProgram(program string) bool {
	switch program {
	case "qmail", "qmail-send", "qmail-smtpd", "vpopmail", "vchkpw", "tcpserver":
		return true
	}
	return strings.HasPrefix(program, "vchkpw-")
}

// isQmail tells whether a line without host and tag is one that multilog wrote.
func isQmail(text string) bool {
	first, rest, _ := strings.Cut(text, " ")
	switch first {
	case "new", "info", "end", "bounce":
		rest, numbered := strings.CutPrefix(rest, "msg ")
		return numbered && startsWithDigit(rest)
	case "starting":
		return strings.HasPrefix(rest, "delivery ")
	case "delivery":
		return startsWithDigit(rest)
	case "status:":
		return strings.HasPrefix(rest, "local ") || rest == "exiting"
	case "tcpserver:", "rblsmtpd:", "sslserver:":
		return true
	}
	return false
}

func startsWithDigit(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// parseQmail reads a line of qmail-send, by syslog or multilog, and of vpopmail's logins. qmail-send does not know who brought a message: it counts for its envelope sender, as
// arriving if its first delivery is to a mailbox, as sent if it goes elsewhere. Without a sender it does not count. There are no Message-IDs.
func parseQmail(h header, s *State, event *Event) Result {
	text := h.text
	if stamp, rest, ok := strings.Cut(text, " "); ok && stamp != "" && strings.Trim(stamp, "0123456789.") == "" { // splogger: 1063526289.292776
		text = rest
	}
	if strings.HasPrefix(text, "vchkpw-") {
		return s.qmailLogin(text, event)
	}
	words := strings.Fields(text)
	switch {
	case len(words) < 3:
		return Known
	case words[0] == "info" && words[1] == "msg":
		return s.qmailTaken(strings.TrimSuffix(words[2], ":"), words[3:], text, event)
	case words[0] == "starting" && words[1] == "delivery":
		return s.qmailStarted(words[2:], event)
	}
	return Known
}

// qmailTaken reads info msg 270182: bytes 10712 from <john@b.example> qp 54945 uid 82.
func (s *State) qmailTaken(id string, words []string, text string, event *Event) Result {
	from, ok := angled(text, " from <")
	n := len(words)
	if !ok || n < 4 || words[n-2] != "uid" || words[n-4] != "qp" {
		return Unparsed
	}
	m := mail{At: event.At, From: strings.Clone(from)}
	m.Silent = words[n-1] == "0" || from == "" || from == "#@[]" // the system's own; reports, and our tee, which is like one
	s.pending.put(strings.Clone(id), m)
	return Parsed
}

// qmailStarted reads 7: msg 270182 to local anna@example.com, and to remote x@far.example.
func (s *State) qmailStarted(words []string, event *Event) Result {
	if len(words) < 5 || words[1] != "msg" || words[3] != "to" {
		return Unparsed
	}
	m, ok := s.pending.get(words[2])
	if !ok {
		return Known // the next recipient, or the next attempt
	}
	s.pending.remove(words[2])
	switch {
	case s.isOwn(m.Client, "", m.From):
		event.Own = ourMail
	case !m.Silent:
		o := s.observation(m.At, evidence.Arriving)
		o.From, o.Sender = m.From, cmp.Or(domainOf(m.From), m.From)
		if words[4] == "remote" {
			o.Channel, o.Sender = evidence.Sending, m.From
		}
		event.Use = append(event.Use, o)
	}
	return Parsed
}

// qmailLogin reads vchkpw-pop3: (PLAIN) login success anna@example.com:203.0.113.5. What ends these sessions is not told.
func (s *State) qmailLogin(text string, event *Event) Result {
	service, text, _ := strings.Cut(strings.TrimPrefix(text, "vchkpw-"), ": ")
	_, who, ok := strings.Cut(text, "login success ")
	if !ok {
		return Known
	}
	colon := strings.IndexByte(who, ':')
	if colon <= 0 {
		return Unparsed
	}
	client, err := netip.ParseAddr(who[colon+1:])
	if err != nil && who[colon+1:] != "" { // told by no tcpserver
		return Unparsed
	}
	l := session{at: event.At, channel: evidence.Login, user: strings.Clone(who[:colon]), client: client.Unmap(), detail: strings.ToUpper(service)}
	if strings.HasPrefix(service, "smtp") || strings.HasPrefix(service, "submission") {
		l.channel = evidence.Sending
	}
	return s.moment(l, event)
}
