package logtail

import (
	"net/netip"
	"strings"
	"time"
)

// Kerio is the mail log of Kerio Connect (mail.log) and its security log (security.log, audit.log). Stamps are the machine's time.
const Kerio = "kerio"

// parseKerio reads [30/Nov/2005 17:57:14] Recv: … and its like.
func parseKerio(line string, s *State, event *Event) Result {
	at, text, ok := kerioStamp(line, s.local())
	if !ok {
		return Unparsed
	}
	event.At = at
	kind, rest, _ := strings.Cut(text, ": ")
	switch kind {
	case "Recv":
		return s.kerioTook(rest, event)
	case "Sent":
		return s.kerioSent(rest, event)
	}
	return s.kerioLogin(text, event)
}

func kerioStamp(line string, z zone) (at time.Time, text string, ok bool) {
	const form = "[02/Jan/2006 15:04:05]"
	if len(line) < len(form) || line[0] != '[' || line[3] != '/' || line[7] != '/' || line[12] != ' ' || line[21] != ']' {
		return time.Time{}, "", false
	}
	day, ok1 := twoDigits(line[1:3])
	month := strings.Index(monthNames, line[4:7])
	century, ok2 := twoDigits(line[8:10])
	years, ok3 := twoDigits(line[10:12])
	clock, ok4 := isoClock(line[13:21])
	year := 100*century + years
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 0 || month%3 != 0 || year < 1990 || day < 1 || day > daysIn(year, time.Month(month/3+1)) {
		return time.Time{}, "", false
	}
	return wall(year, time.Month(month/3+1), day, clock, z.Location, z.before), strings.TrimPrefix(line[22:], " "), true
}

// kerioTook reads Queue-ID: …, Service: SMTP, From: <…>, To: <…>, Size: …, Sender-Host: …, User: …, SSL: yes, Subject: …, Msg-Id: <…>.
func (s *State) kerioTook(rest string, event *Event) Result {
	known, _, _ := strings.Cut(rest, ", Subject: ") // behind it stands what the sender wrote
	from, ok := angled(known, ", From: <")
	if !ok || !strings.HasPrefix(rest, "Queue-ID: ") {
		return Unparsed
	}
	m := mail{At: event.At, User: field(known, ", User: "), Client: kerioHost(field(known, ", Sender-Host: ")), Message: kerioMessage(rest)}
	if m.User == "" && !m.Client.IsValid() && field(known, ", Service: ") != "SMTP" {
		return Known // born in the house
	}
	return s.took(m, from, from, event)
}

// kerioHost is the client; the server's own web mail has none.
func kerioHost(text string) netip.Addr {
	if a := endpoint(text); !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// kerioMessage is the Message-ID, which stands last.
func kerioMessage(rest string) string {
	i := strings.LastIndex(rest, ", Msg-Id: <")
	if i < 0 {
		return ""
	}
	id, _, _ := strings.Cut(rest[i+len(", Msg-Id: <"):], ">")
	return "<" + id + ">"
}

// kerioSent reads a delivery. Those into mailboxes name the machine itself as their host, or none.
func (s *State) kerioSent(rest string, event *Event) Result {
	recipient, ok := angled(rest, ", Recipient: <")
	if !ok {
		return Unparsed
	}
	host := field(rest, ", Remote-Host: ")
	if field(rest, ", Result: ") == "delivered" && (host == "" || kerioHost(host).IsLoopback()) {
		s.delivered(event, recipient, kerioMessage(rest), "", "")
	}
	if len(event.Delivered) == 0 {
		return Known
	}
	return Parsed
}

// kerioLogin reads IMAP: User anna@example.com logged in from 203.0.113.5, of the logs that tell of logins that succeeded. Whatever else they say is refused or failed.
func (s *State) kerioLogin(text string, event *Event) Result {
	service, rest, _ := strings.Cut(text, ": User ")
	user, rest, ok := strings.Cut(rest, " ")
	if !ok || !strings.HasPrefix(rest, "logged in") && !strings.HasPrefix(rest, "authenticated") {
		return Known
	}
	_, from, ok := strings.Cut(rest, " from ")
	if !ok || service == "" || strings.HasSuffix(service, "Admin") {
		return Known
	}
	from = strings.TrimPrefix(from, "IP address ")
	from, _, _ = strings.Cut(strings.TrimRight(from, "."), " ")
	s.touch(client{service: strings.Clone(service), user: user, addr: endpoint(from)}, event)
	return Parsed
}
