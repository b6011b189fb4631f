package logtail

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthouse/evidence"
)

// courierPrograms are those whose tag does not begin with "courier".
var courierPrograms = []string{
	"imapd", "imapd-ssl", "imaplogin", "pop3d", "pop3d-ssl", "pop3login", "esmtpd", "esmtpd-ssl", "esmtpd-msa", "authdaemond", "sqwebmaild", "webmaild", "webmlmd",
}

func isCourierProgram(program string) bool {
	return strings.HasPrefix(program, "courier") || slices.Contains(courierPrograms, program)
}

// parseCourier reads a line of Courier: IMAP and POP3 (courierlogger takes their levels off, stderr has them), and the mail server's queue.
func parseCourier(h header, s *State, event *Event) Result {
	text := h.text
	for _, level := range []string{"INFO: ", "NOTICE: ", "DEBUG: ", "ERR: "} {
		text = strings.TrimPrefix(text, level)
	}
	switch {
	case h.program == "courierd":
		return s.courierQueue(text, event)
	case strings.HasPrefix(text, "LOGIN, user="):
		return s.courierLogin(h.program, text, event)
	case hasPrefix(text, courierEnds):
		return s.courierEnd(h.program, text, event)
	}
	if hasPrefix(text, []string{"Login user=", "Authenticated user=", "Auth user="}) { // another imapd: UW IMAP
		return Unparsed
	}
	return Known // connections, failed logins, refused mail, deliveries (which name no Message-ID)
}

// courierEnds begin lines of a session's end. Without a user nobody had logged in.
var courierEnds = []string{"LOGOUT, user=", "DISCONNECTED, user=", "TIMEOUT, user=", "Disconnected during shutdown by signal, user="}

// courierSession reads user=anna, ip=[::ffff:192.0.2.7], port=[42801]. Old versions tell no port.
func courierSession(program, text string) (l session, place string, ok bool) {
	const from = ", ip=["
	ip := strings.LastIndex(text, from) // a user's name may hold anything
	start := strings.Index(text, "user=")
	if ip < 0 || start < 0 || start+len("user=") >= ip {
		return session{}, "", false
	}
	address, rest, _ := strings.Cut(text[ip+len(from):], "]")
	client, err := netip.ParseAddr(address)
	l = session{channel: evidence.Login, user: strings.Clone(text[start+len("user=") : ip]), client: client.Unmap(), detail: "IMAP", count: 1}
	switch {
	case strings.Contains(program, "pop3"):
		l.detail = "POP3"
	case strings.Contains(program, "web"):
		l.detail = "WEBMAIL"
	}
	if port, _, ok := strings.Cut(strings.TrimPrefix(rest, ", port=["), "]"); ok && strings.HasPrefix(rest, ", port=[") {
		place, l.named = l.detail+" "+l.client.String()+" "+port, true
	}
	return l, place, err == nil
}

func (s *State) courierLogin(program, text string, event *Event) Result {
	l, place, ok := courierSession(program, text)
	if !ok {
		return Unparsed
	}
	l.at = event.At
	own := s.isOwn(l.client, l.user, "")
	switch {
	case l.named:
		return s.beginAt(place, placedID(place, event.At), l, own, event)
	case own: // the line of its end says so itself
		event.Own = ourLogin
		return Parsed
	}
	return s.begin(sessionKey(strings.ToLower(l.detail), l.user, ""), l, false, event)
}

// courierEnd reads LOGOUT, user=anna, ip=[…], port=[…], headers=0, body=519, rcvd=145, sent=1170, time=300. Of a session whose login was not read it tells all.
func (s *State) courierEnd(program, text string, event *Event) Result {
	l, place, ok := courierSession(program, text)
	switch {
	case !ok:
		return Unparsed
	case s.isOwn(l.client, l.user, ""):
		s.finishAt(place, event)
		event.Own = ourLogin
		return Parsed
	case l.named && s.finishAt(place, event), !l.named && s.finish(sessionKey(strings.ToLower(l.detail), l.user, ""), false, event):
		return Parsed
	case !l.named && s.finish(s.courierOldest(l), true, event):
		return Parsed
	}
	seconds, _ := strconv.Atoi(field(text, ", time="))
	l.at = event.At.Add(-time.Duration(seconds) * time.Second)
	key := ""
	if l.named {
		key = placedID(place, l.at)
	}
	s.end(key, l, event.At, event)
	return Parsed
}

// courierOldest finds the session that ends where only the line of the login tells a port (4.1 to 4.9): the oldest of this user from this address.
func (s *State) courierOldest(l session) (oldest string) {
	here, first := l.detail+" "+l.client.String()+" ", session{}
	for key, open := range s.sessions.unordered {
		if !strings.HasPrefix(key, here) || open.user != l.user {
			continue
		}
		if at := open.at.Compare(first.at); oldest == "" || at < 0 || at == 0 && key < oldest {
			oldest, first = key, open
		}
	}
	return oldest
}

// courierQueue reads newmsg,id=0021A4B0.4A5B…, auth=anna: dns; helo.example (mail.example [::ffff:192.0.2.7]) and started,id=…,from=<a@b.example>,module=local,…: the first of them
// tells the sender.
func (s *State) courierQueue(text string, event *Event) Result {
	kind, text, _ := strings.Cut(text, ",id=")
	switch kind {
	case "newmsg":
		return s.courierTaken(text, event)
	case "started":
	default:
		return Known
	}
	id, text, _ := strings.Cut(text, ",")
	from, ok := angled(text, "from=<")
	m, pending := s.pending.get(id)
	switch {
	case !ok:
		return Unparsed
	case !pending:
		return Known // the next recipient
	}
	s.pending.remove(id)
	user, _, _ := strings.Cut(from, "@")
	m.Silent = m.Client.IsLoopback() && m.User == "" && (from == "" || user == "root") // a report; the system's own
	s.accepted(id, m, strings.Clone(from), event)
	return Parsed
}

func (s *State) courierTaken(text string, event *Event) Result {
	id, text, ok := strings.Cut(text, ": ")
	id, auth, _ := strings.Cut(id, ", auth=")
	open := strings.LastIndexByte(text, '[')
	if !ok || id == "" || open < 0 {
		return Unparsed
	}
	address, _, _ := strings.Cut(text[open+1:], "]")
	client, err := netip.ParseAddr(address)
	if err != nil {
		return Unparsed
	}
	m := mail{At: event.At, Client: client.Unmap(), User: strings.Clone(auth)}
	if at := strings.LastIndexByte(text[:open], '('); at >= 0 {
		m.Name = strings.Clone(strings.TrimSpace(text[at+1 : open]))
	}
	s.pending.put(strings.Clone(id), m)
	return Parsed
}
