package logtail

import (
	"strings"
	"time"
)

// MDaemon is the log of MDaemon: MDaemon-2026-11-23-SMTP-(in).log and its sisters for IMAP and POP, or -all.log. Stamps are the machine's time. Unless it was told to log
// in real time, the server writes a session when it has ended.
const MDaemon = "mdaemon"

const mdaemonStamp = len("Tue 2026-08-18 00:00:48")

// parseMDaemon reads Tue 2026-08-18 00:00:48.993: 05: text. Older versions have neither milliseconds nor the number; some put the session in front of the text: [4711:2].
func parseMDaemon(line string, s *State, event *Event) Result {
	if strings.HasPrefix(line, `"`) {
		return s.mdaemonStatistics(line, event)
	}
	if len(line) < mdaemonStamp || line[3] != ' ' {
		return mdaemonBanner(line)
	}
	at, rest, ok := cutISO(line[len("Tue "):], s.local())
	rest, colon := strings.CutPrefix(rest, ":")
	if !ok || !colon {
		return mdaemonBanner(line)
	}
	event.At = at
	text := strings.TrimPrefix(rest, " ")
	if len(text) >= 3 && isDigit(text[0]) && isDigit(text[1]) && text[2] == ':' {
		text = strings.TrimPrefix(text[3:], " ")
	}
	key := "mdaemon " + s.file.Name
	if tag, after, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(tag, "[") && !strings.Contains(tag, " ") {
		key, text = key+tag, after
	}
	return s.mdaemonLine(key, text, event)
}

// mdaemonBanner accepts the lines between which a file begins.
func mdaemonBanner(line string) Result {
	if strings.Trim(line, "-=*_ ") == "" || strings.Contains(line, "MDaemon") || strings.HasPrefix(line, "Event Time/Date") {
		return Known
	}
	return Unparsed
}

func (s *State) mdaemonLine(key, text string, event *Event) Result {
	if strings.HasPrefix(text, "Session ") || strings.HasPrefix(text, "----------") {
		if d := s.dialog(key); d != nil {
			d.At = event.At
			s.hangUp(key, d, event)
			return Parsed
		}
		return Known
	}
	if begun, ok := accepting(text); ok {
		begun.At = event.At
		s.converse(key, begun)
		return Parsed
	}
	d := s.dialog(key)
	if d == nil {
		return Known // the server is the client, or does something else
	}
	d.At = event.At
	switch {
	case strings.HasPrefix(text, "<-- "):
		s.listen(key, d, text[len("<-- "):], event)
	case strings.HasPrefix(text, "--> "):
		s.hear(key, d, text[len("--> "):], event)
	case authenticatedAs(text) != "":
		d.User, d.Authentic = strings.Clone(authenticatedAs(text)), true
	default:
		return Known
	}
	return Parsed
}

// accepting reads Accepting SMTP connection from 203.0.113.10:45584 to 192.168.0.10:25, and [203.0.113.10 : 45584] of old versions.
func accepting(text string) (d dialog, ok bool) {
	text, ok = strings.CutPrefix(text, "Accepting ")
	if !ok {
		return dialog{}, false
	}
	service, peer, ok := strings.Cut(text, " connection from ")
	peer, to, _ := strings.Cut(peer, " to ")
	to = strings.TrimRight(to, "] ")
	switch service {
	case "SMTP":
		d.Service, d.Submission = service, strings.HasSuffix(to, ":587") || strings.HasSuffix(to, ":465")
	case "MSA", "SUBMISSION":
		d.Service, d.Submission = "SMTP", true
	case "IMAP":
		d.Service = service
	case "POP", "POP3":
		d.Service = "POP3"
	default:
		return dialog{}, false
	}
	d.Client = endpoint(strings.Trim(strings.ReplaceAll(peer, " ", ""), "[]"))
	return d, ok
}

func authenticatedAs(text string) string {
	for _, mark := range []string{"Authenticated as ", "* Authenticated as: ", "Authenticated as: "} {
		if user, ok := strings.CutPrefix(text, mark); ok {
			return strings.TrimSuffix(strings.TrimSpace(user), ".")
		}
	}
	return ""
}

// mdaemonStatistics reads a line of the statistics log: begin, end, kind, session, from, to, and behind them client, errors, octets, messages.
func (s *State) mdaemonStatistics(line string, event *Event) Result {
	v := splitCSV(line, s.values[:0])
	s.values = v
	if len(v) < 13 {
		return Unparsed
	}
	begin, ok1 := parseISO(v[0], s.local())
	end, ok2 := parseISO(v[1], s.local())
	if !ok1 || !ok2 {
		return Unparsed
	}
	event.At = begin
	if v[2] != "SMTPI" || v[5] == "" || v[11] != "0" || strings.Trim(v[12], "0") == "" || end.Before(begin.Add(-time.Minute)) {
		return Known
	}
	return s.took(mail{At: begin, Client: endpoint(v[8])}, v[4], v[4], event)
}
