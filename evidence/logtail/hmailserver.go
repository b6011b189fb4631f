package logtail

import (
	"strings"
)

// HMailServer is the log of hMailServer: hmailserver_2026-11-23.log, and hmailserver_awstats.log. Stamps are the machine's time.
const HMailServer = "hmailserver"

// hmailServices are the parts of the server that users and other systems talk to. Where it is the client itself, and what it says of itself, is no use.
var hmailServices = map[string]string{"SMTPD": "SMTP", "IMAPD": "IMAP", "POP3D": "POP3"}

// parseHMailServer reads "SMTPD", thread, session, "stamp", "address", "SENT: 220 …", between tabs. Line breaks within a text stand as [nl].
func parseHMailServer(line string, s *State, event *Event) Result {
	s.values = splitTabs(line, s.values[:0])
	v := s.values
	if !strings.HasPrefix(line, `"`) {
		return s.hmailStatistics(v, event)
	}
	service, relevant := hmailServices[strings.Trim(v[0], `"`)]
	if !relevant {
		return s.hmailOther(v, event)
	}
	if len(v) < 6 {
		return Unparsed
	}
	at, ok := parseISO(strings.Trim(v[3], `"`), s.local())
	if !ok {
		return Unparsed
	}
	event.At = at
	text := strings.TrimSuffix(strings.TrimPrefix(strings.Join(v[5:], "\t"), `"`), `"`)
	client := endpoint(strings.Trim(v[4], `"`))
	key := service + " " + v[2]
	d := s.dialog(key)
	if d == nil || d.Client != client || service == "SMTP" && strings.HasPrefix(text, "SENT: 220 ") { // numbers begin again when the server starts
		d = s.converse(key, dialog{Service: service, Client: client})
	}
	d.At = at
	return s.hmailLine(key, d, text, event)
}

func (s *State) hmailLine(key string, d *dialog, text string, event *Event) Result {
	if said, ok := strings.CutPrefix(text, "RECEIVED: "); ok {
		s.listen(key, d, said, event)
		return Parsed
	}
	replies, ok := strings.CutPrefix(text, "SENT: ")
	if !ok {
		return Known
	}
	for reply := range strings.SplitSeq(replies, "[nl]") {
		s.hear(key, d, reply, event)
	}
	return Parsed
}

// hmailOther reads the stamp of lines of other parts: "TCPIP", thread, "stamp", "text".
func (s *State) hmailOther(v []string, event *Event) Result {
	for _, field := range v[1:] {
		if at, ok := parseISO(strings.Trim(field, `"`), s.local()); ok {
			event.At = at
			return Known
		}
	}
	return Unparsed
}

// hmailStatistics reads a line that the server writes for AWStats: stamp, from, to, the sender's address, the recipient's, SMTP, ?, 250, octets. There is one for each
// recipient.
func (s *State) hmailStatistics(v []string, event *Event) Result {
	if len(v) < 9 {
		return Unparsed
	}
	at, ok := parseISO(v[0], s.local())
	if !ok || v[5] != "SMTP" {
		return Unparsed
	}
	event.At = at
	client := endpoint(v[3])
	each := strings.Join([]string{v[0], v[1], v[3]}, " ")
	if v[7] != "250" || !client.IsValid() || s.saw(each, at) {
		return Known
	}
	s.remember(each, at)
	return s.took(mail{At: at, Client: client}, v[1], v[1], event)
}
