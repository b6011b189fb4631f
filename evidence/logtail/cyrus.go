package logtail

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
)

// cyrusPrograms are those of its programs whose tag has no slash in it, before syslog_prefix was set by default. Services may have any name in cyrus.conf.
var cyrusPrograms = []string{
	"imap", "imaps", "proxyd", "pop3", "pop3s", "pop3proxyd", "lmtp", "lmtpunix", "sieve", "timsieved", "master", "ctl_cyrusdb", "ctl_mboxlist", "cyr_expire", "sync_client", "sync_server",
}

// isCyrusProgram accepts cyrus/imaps, prefix/lmtp2 and imap.
func isCyrusProgram(program string) bool {
	prefix, service, slashed := strings.Cut(program, "/")
	return slashed && (prefix == "cyrus" || cyrusService(service) != "") || slices.Contains(cyrusPrograms, program)
}

// cyrusService is the protocol that a service speaks; "" for what serves no clients.
func cyrusService(service string) string {
	for _, protocol := range []string{"imap", "pop3", "sieve", "http", "lmtp"} {
		if strings.HasPrefix(service, protocol) {
			return protocol
		}
	}
	switch service {
	case "timsieved":
		return "sieve"
	case "proxyd": // a front end of several servers
		return "imap"
	}
	return ""
}

// parseCyrus reads a line of Cyrus (2.3 to 3.8).
func parseCyrus(h header, s *State, event *Event) Result {
	service := cyrusService(h.program[strings.LastIndexByte(h.program, '/')+1:])
	switch {
	case strings.HasSuffix(h.program, "master") && strings.HasPrefix(h.text, "ready for work"):
		return s.finishAll(event)
	case service == "lmtp":
		return s.cyrusLMTP(h, event)
	case service == "":
		return Known
	case strings.HasPrefix(h.text, "login: "):
		return s.cyrusLogin(service, h, event)
	case strings.HasPrefix(h.text, cyrusTraffic):
		id, _ := angled(h.text, cyrusTraffic)
		return parsedIf(s.finish(id, true, event))
	case hasPrefix(h.text, cyrusEnds):
		return parsedIf(s.finishAt("process "+h.pid, event))
	}
	return Known
}

const cyrusTraffic = "auditlog: traffic sessionid=<"

// cyrusEnds begin lines that tell the end of the session before: its own after LOGOUT, and those of a process that serves the next client. Without auditlog nothing is said of
// a client that just goes away.
var cyrusEnds = []string{"USAGE ", "badlogin: ", "starttls: "}

// cyrusLasts is how long a session is taken to last whose end nothing tells. Clients begin new ones far more often.
const cyrusLasts = 24 * time.Hour

// forgotten ends the sessions of which nothing was heard for as long as one lasts at most.
func (s *State) forgotten(now time.Time) []evidence.Observation {
	var event Event
	for key, l := range s.sessions.each {
		if now.Sub(l.at) <= cyrusLasts {
			break // the rest began later
		}
		if place := cyrusPlace(key); place != "" {
			s.sessions.remove(key)
			s.end(key, l, l.at.Add(cyrusLasts), &event)
		}
	}
	return event.Use
}

// cyrusLogin reads login: mail.example [192.0.2.7] anna PLAIN+TLS User logged in SESSIONID=<mx-1795852905-27517-2-14046460735116977135>.
func (s *State) cyrusLogin(service string, h header, event *Event) Result {
	_, text, ok := strings.Cut(h.text, "[")
	address, text, closed := strings.Cut(text, "] ")
	user, _, told := strings.Cut(text, " ")
	client, err := netip.ParseAddr(address)
	if !ok || !closed || !told || user == "" || err != nil {
		return Unparsed
	}
	id, _ := angled(text, "SESSIONID=<")
	if cyrusPlace(id) == "" { // older than 2.4
		id = fmt.Sprintf("%s-%d-%s-0-0", service, event.At.Unix(), h.pid)
	}
	l := session{
		at: event.At, channel: evidence.Login, user: strings.Clone(user), client: client.Unmap(), detail: strings.ToUpper(service), named: true, count: 1,
	}
	return s.beginAt("process "+strings.Clone(h.pid), strings.Clone(id), l, s.isOwn(l.client, user, ""), event)
}

// cyrusPlace reads the process out of a session's id: name, time, pid, count, random number. A process serves one session after the other.
func cyrusPlace(id string) string {
	parts := strings.Split(id, "-")
	if n := len(parts); n >= 5 && !slices.ContainsFunc(parts[n-4:], func(part string) bool { return part == "" || strings.Trim(part, "0123456789") != "" }) {
		return "process " + parts[n-3]
	}
	return ""
}

// cyrusLMTP reads what lmtpd does with a message. What Sieve discards it tells without the mailbox, and whose rules those were in its next line: USAGE anna user: …
func (s *State) cyrusLMTP(h header, event *Event) Result {
	here := "sieve " + h.pid
	if message, ok := strings.CutPrefix(h.text, "sieve discarded: "); ok {
		s.pending.put(here, mail{At: event.At, Message: strings.Clone(message)})
		return Parsed
	}
	if usage, ok := strings.CutPrefix(h.text, "USAGE "); ok {
		m, waits := s.pending.get(here)
		if user, _, _ := strings.Cut(usage, " "); waits {
			s.pending.remove(here)
			s.delivered(event, user, m.Message, "", "discarded by Sieve")
		}
		return resultOf(event)
	}
	return s.cyrusDelivered(h.text, event)
}

// cyrusDelivered reads Delivered: <id> to mailbox: user.anna.Lists.
func (s *State) cyrusDelivered(text string, event *Event) Result {
	message, name, ok := strings.Cut(strings.TrimPrefix(text, "Delivered: "), " to mailbox: ")
	if !ok || !strings.HasPrefix(text, "Delivered: ") {
		return Known
	}
	user, folder, ok := cyrusMailbox(name)
	if !ok {
		return Known
	}
	s.delivered(event, user, message, folder, "")
	if s.c.Deliveries && !s.saw(message, event.At) {
		s.arrivedIn(user, message, event)
	}
	return resultOf(event)
}

// cyrusMailbox reads the names of a mailbox: user.anna.Lists, user/anna/Lists@example.com, example.com!user.anna. In the internal form a dot of the name is "^".
func cyrusMailbox(name string) (user, folder string, ok bool) {
	domain, rest, internal := strings.Cut(name, "!")
	if !internal {
		rest, domain = name, ""
		if at := strings.LastIndexByte(name, '@'); at >= 0 {
			rest, domain = name[:at], name[at+1:]
		}
	}
	rest, ok = strings.CutPrefix(rest, "user")
	if !ok || len(rest) < 2 || rest[0] != '.' && rest[0] != '/' {
		return "", "", false
	}
	user, folder, _ = strings.Cut(rest[1:], rest[:1])
	if user = strings.ReplaceAll(user, "^", "."); domain != "" {
		user += "@" + domain
	}
	return user, folder, true
}
