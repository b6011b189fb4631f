package logtail

import (
	"net/netip"
	"slices"
	"strings"
)

// sendmailPrograms are the tags that sendmail uses by default and on Debian, FreeBSD and Solaris.
var sendmailPrograms = []string{"sendmail", "sendmail-mta", "sendmail-client", "newaliases"}

// isSendmailProgram also accepts the names that distributions and its own roles give it (-L): sm-mta, sm-msp-queue, sm-acceptingconnections. NFS has a sm-notify.
func isSendmailProgram(program string) bool {
	return slices.Contains(sendmailPrograms, program) || strings.HasPrefix(program, "sm-") && program != "sm-notify"
}

// parseSendmail reads a line of sendmail (8.12 to 8.18). A message counts when it was first given to a mailer, or queued for one: what a milter refuses comes to no mailer.
func parseSendmail(h header, s *State, event *Event) Result {
	id, text, ok := strings.Cut(h.text, ": ")
	if !ok || !isSendmailID(id) {
		id, text = "", h.text
	}
	switch {
	case strings.HasPrefix(text, "AUTH=server, "):
		return s.sendmailAuth(h.pid, text, event)
	case id == "":
		return Known
	case strings.HasPrefix(text, "from="):
		return s.sendmailFrom(id, h.pid, text, event)
	case strings.HasPrefix(text, "to="):
		return s.sendmailTo(id, text, event)
	case sendmailRefuses(text):
		s.pending.remove(id)
		return Parsed
	}
	return Known
}

// isSendmailID accepts the ids of messages: kBC502520512, 4ANC0A2B020512, and NAA12345 of old versions.
func isSendmailID(id string) bool {
	return len(id) >= 7 && len(id) <= 20 && isAlphanumeric(id) && strings.ContainsAny(id, "0123456789")
}

// sendmailRefuses tells whether a milter or a rule refuses the whole message.
func sendmailRefuses(text string) bool {
	switch {
	case strings.HasPrefix(text, "Milter: data, "), strings.HasPrefix(text, "Milter: from="), strings.HasPrefix(text, "Milter: cmd="), strings.HasPrefix(text, "milter="):
		return strings.Contains(text, "reject=") || strings.Contains(text, "discard")
	case strings.HasPrefix(text, "ruleset=check_data, "), strings.HasPrefix(text, "ruleset=check_eom, "):
		return strings.Contains(text, ", reject=") || strings.Contains(text, ", discard")
	}
	return strings.HasPrefix(text, "collect: premature EOM") || strings.HasPrefix(text, "collect: unexpected close")
}

// sendmailAuth reads AUTH=server, relay=mail.example [192.0.2.7], authid=anna, mech=PLAIN, bits=0: the messages of this process are anna's.
func (s *State) sendmailAuth(pid, text string, event *Event) Result {
	user := field(text, ", authid=")
	m := mail{At: event.At}
	if user == "" || pid == "" || !s.sendmailRelay(field(text, ", relay="), &m) {
		return Unparsed
	}
	m.User = strings.Clone(user)
	s.pending.put("process "+strings.Clone(pid), m)
	return Parsed
}

// sendmailFrom reads from=<a@b.example>, size=301, class=0, nrcpts=1, msgid=<x@y>, proto=ESMTP, daemon=MTA, relay=mail.b.example [192.0.2.7].
func (s *State) sendmailFrom(id, pid, text string, event *Event) Result {
	relay, told := lastField(text, ", relay=")
	if field(text, ", nrcpts=") == "" {
		return Unparsed
	}
	if field(text, ", nrcpts=") == "0" || !told {
		return Known // nobody takes it; or it was born in the house
	}
	m := mail{At: event.At, From: strings.Clone(senderIn(text)), Message: strings.Clone(messageIn(text))}
	if !s.sendmailRelay(relay, &m) {
		return Unparsed
	}
	if proto := field(text, ", proto="); strings.HasPrefix(proto, "ESMTP") && strings.HasSuffix(proto, "A") || strings.HasPrefix(field(text, ", daemon="), "MS") {
		m.Submission = true
	}
	if auth, ok := s.pending.get("process " + pid); ok && auth.Client == m.Client && m.Client.IsValid() {
		m.User = auth.User
	}
	s.meet(&m) // the command that submits to the daemon, or a filter, gives it back; now: the daemon accepts it before the command hears of that
	s.pending.put(strings.Clone(id), m)
	return Parsed
}

// sendmailRelay reads mail.b.example [192.0.2.7], mail.b.example [192.0.2.7] (may be forged), and of the local command www-data@localhost.
func (s *State) sendmailRelay(relay string, m *mail) bool {
	name, rest, remote := strings.Cut(relay, "[")
	if !remote {
		m.User, _, _ = strings.Cut(relay, "@")
		m.User = strings.Clone(m.User)
		m.Silent = m.User == "root"
		return m.User != ""
	}
	address, _, _ := strings.Cut(rest, "]")
	client, err := netip.ParseAddr(strings.TrimPrefix(address, "IPv6:"))
	if name = strings.TrimSpace(name); strings.Contains(rest, "may be forged") {
		name = ""
	}
	_, name = cutIdent(name)
	m.Name, m.Client = strings.Clone(name), client.Unmap().WithZone("")
	return err == nil
}

// cutIdent takes off what ident told: IDENT:user@mail.b.example.
func cutIdent(name string) (ident, host string) {
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		return name[:at], name[at+1:]
	}
	return "", name
}

// sendmailTo reads to=<anna@example.com>, ctladdr=<…>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30771, dsn=2.0.0, stat=Sent. What was refused has no mailer.
func (s *State) sendmailTo(id, text string, event *Event) Result {
	mailer, given := lastField(text, ", mailer=")
	if !given {
		return Known
	}
	mailer, _, _ = strings.Cut(mailer, ",")
	if m, ok := s.pending.get(id); ok {
		s.pending.remove(id)
		s.take(id, m, m.From, event)
	}
	stat, _ := lastField(text, ", stat=")
	if q, ok := s.queued.get(id); ok && strings.HasPrefix(stat, "Sent") && sendmailMailbox(mailer) {
		for _, to := range recipientsIn(text) {
			s.deliveredOf(q, to, "", event)
		}
	}
	return Parsed
}

// sendmailMailbox tells whether a mailer puts mail into mailboxes of this host.
func sendmailMailbox(mailer string) bool {
	return hasPrefix(mailer, []string{"local", "cyrus", "procmail", "lmtp", "maildrop", "dovecot"})
}

// recipientsIn reads to=<anna@example.com>,<bob@example.com>; programs and files are none.
func recipientsIn(text string) (all []string) {
	list, _, _ := strings.Cut(strings.TrimPrefix(text, "to="), ", ")
	for to := range strings.SplitSeq(list, ",") {
		if to = strings.Trim(to, "<>\\ "); to != "" && !strings.ContainsAny(to[:1], `|/":`) {
			all = append(all, to)
		}
	}
	return all
}

// senderIn reads from=<a@b.example> and from=root.
func senderIn(text string) string {
	from, _, _ := strings.Cut(strings.TrimPrefix(text, "from="), ", size=")
	return strings.Trim(from, "<>")
}

// messageIn reads msgid=<x@y>.
func messageIn(text string) string {
	if id, ok := angled(text, ", msgid=<"); ok {
		return "<" + id + ">"
	}
	return ""
}

// lastField is the rest of a line behind the last ", key=": what a client wrote stands before.
func lastField(text, key string) (string, bool) {
	start := strings.LastIndex(text, key)
	if start < 0 {
		return "", false
	}
	return text[start+len(key):], true
}
