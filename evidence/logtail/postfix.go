package logtail

import (
	"net/netip"
	"slices"
	"strings"
)

// isPostfix accepts postfix/smtpd, postfix/submission/smtpd, and the names of further instances: postfix-in/smtpd, and whatever else syslog_name was set to.
func isPostfix(program string) bool {
	if strings.HasPrefix(program, "postfix") || program == mailScanner {
		return true
	}
	slash := strings.LastIndexByte(program, '/')
	return slash > 0 && postfixReads(program[slash+1:])
}

// postfixReads tells of which daemons we read the lines.
func postfixReads(service string) bool {
	switch service {
	case "smtpd", "cleanup", "qmgr", "oqmgr", "nqmgr", "pickup":
		return true
	}
	return false
}

// parsePostfix reads a line of Postfix (seen with 2.x to 3.7). A message counts when qmgr first makes it active: only then was it accepted.
func parsePostfix(h header, s *State, event *Event) Result {
	_, service, _ := strings.Cut(h.program, "/")
	if slash := strings.LastIndexByte(service, '/'); slash >= 0 {
		service = service[slash+1:]
	}
	switch {
	case h.program == mailScanner:
		return s.requeued(h.text)
	case !postfixReads(service):
		return s.postfixDelivery(service, h.text, event)
	}
	if knownText(h.text) {
		return Known
	}
	id, text, ok := strings.Cut(h.text, ": ")
	switch {
	case ok && strings.ContainsAny(id, ".[") && (strings.HasSuffix(id, "]") || strings.Contains(text, "subject_CN=")): // of a client's TLS
		return Known
	case !ok || !isQueueID(id):
		return Unparsed
	}
	switch service {
	case "smtpd":
		return s.postfixClient(id, text, h.program, event)
	case "pickup":
		return s.postfixPickup(id, text, event)
	case "cleanup":
		return s.postfixCleanup(id, text, event)
	}
	return s.postfixAccepted(id, text, event)
}

// knownPrefixes are the beginnings of lines that name no message.
var knownPrefixes = []string{
	"connect from ", "disconnect from ", "NOQUEUE: ", "lost connection after ", "timeout after ", "warning: ", "error: ", "fatal: ", "panic: ",
	"info: ", "reject: ", "Anonymous TLS ", "Trusted TLS ", "Untrusted TLS ", "Verified TLS ", "improper command pipelining ", "too many errors ", "SSL_accept",
	"proxy-", "statistics: ", "table ", "initializing the server-side TLS", "setting up TLS", "discarding EHLO ", "Issuing session ticket",
	"certificate ", "hostname ", "host ", "<", ">", "concurrency limit ", "bare ", "disconnecting ", "idle timeout", "CONNECT from ",
	"using backwards-compatible default setting ", "terminating on signal ", "SSL3 alert ", "subject=", "issuer=", "fingerprint=", "reload", "premature end-of-input ", "watchdog",
	"verify error:", "Peer ", "Server certificate ", "starting TLS engine", "Unverified: ", "Verified: ", "Trusted: ", "Untrusted: ",
	"TLS connection established ", "cannot load Certificate Authority data", // before 2.6
	"looking for plugins in ", "sql ", "begin transaction", "commit transaction", "unable to open ", "OTP unavailable ", // of SASL, within smtpd
}

func knownText(text string) bool {
	return slices.ContainsFunc(knownPrefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

// isQueueID accepts short (hexadecimal) and long (base 52) queue ids.
func isQueueID(id string) bool {
	if len(id) < 5 || len(id) > 24 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// isAction accepts what access tables and milters log about a message: "reject: RCPT from …", "milter-hold: …".
func isAction(text string) (action, rest string, ok bool) {
	action, rest, ok = strings.Cut(text, ": ")
	return action, rest, ok && action != "" && !strings.ContainsFunc(action, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' && r != '_' })
}

// refusesMessage tells whether an action refuses or discards a whole message, not only one of its recipients.
func refusesMessage(action, rest string) bool {
	switch action {
	case "discard", "milter-discard":
		return true
	case "reject", "milter-reject":
		return !strings.HasPrefix(rest, "RCPT ") && !strings.HasPrefix(rest, "VRFY ")
	}
	return false
}

func (s *State) postfixAction(id, text string) Result {
	action, rest, ok := isAction(text)
	switch {
	case !ok:
		return Unparsed
	case refusesMessage(action, rest):
		s.pending.remove(id)
		return Parsed
	}
	return Known
}

// postfixClient reads client=name[address], sasl_method=…, sasl_username=…, orig_queue_id=…, orig_client=name[address].
func (s *State) postfixClient(id, text, program string, event *Event) Result {
	client, ok := strings.CutPrefix(text, "client=")
	if !ok {
		return s.postfixAction(id, text)
	}
	m := mail{At: event.At, User: strings.Clone(field(text, ", sasl_username="))}
	m.Submission = strings.Contains(program, "submission") || strings.Contains(program, "smtps")
	connected, _, _ := strings.Cut(client, ",")
	if m.Name, m.Client, ok = splitClient(connected); !ok {
		return Unparsed
	}
	if !s.isOwn(m.Client, "", "") && !s.onBehalf(text, &m) {
		return Unparsed
	}
	s.pending.put(strings.Clone(id), m)
	return Parsed
}

// onBehalf reads for whom a filter acts (XFORWARD). What we hand on ourselves stays ours, whoever sent it to us.
func (s *State) onBehalf(text string, m *mail) (ok bool) {
	if again := field(text, ", orig_queue_id="); again != "" && again != "NOQUEUE" {
		m.Again = strings.Clone(again)
	}
	original := field(text, ", orig_client=")
	if original == "" {
		return true
	}
	m.Name, m.Client, ok = splitClient(original)
	return ok
}

// splitClient reads name[address], also with a port behind it (smtpd_client_port_logging).
func splitClient(text string) (name string, client netip.Addr, ok bool) {
	name, rest, ok := strings.Cut(text, "[")
	if !ok {
		return "", netip.Addr{}, false
	}
	address, _, ok := strings.Cut(rest, "]")
	if !ok {
		return "", netip.Addr{}, false
	}
	if name == "unknown" {
		name = ""
	}
	client, err := netip.ParseAddr(strings.TrimPrefix(address, "IPv6:"))
	if err != nil && address != "unknown" {
		return "", netip.Addr{}, false
	}
	return strings.Clone(name), client.Unmap().WithZone(""), true
}

// postfixPickup reads uid=33 from=<www-data>: mail by the local sendmail command. Root's is cron's and the system's own, and never counts.
func (s *State) postfixPickup(id, text string, event *Event) Result {
	uid, ok := strings.CutPrefix(text, "uid=")
	if !ok {
		return s.postfixAction(id, text)
	}
	uid, from, _ := strings.Cut(uid, " ")
	caller, _ := angled(from, "from=<")
	m := mail{At: event.At, User: "uid " + uid, Silent: uid == "0" || named(s.c.OwnUsers, caller)}
	if _, before, again := strings.Cut(from, " orig_id="); again { // postsuper put it into the queue again; if it was held, it has not counted yet
		if m, again = s.pending.get(before); !again {
			m = mail{At: event.At, Silent: true}
		}
		s.pending.remove(before)
	}
	s.pending.put(strings.Clone(id), m)
	return Parsed
}

func (s *State) postfixCleanup(id, text string, event *Event) Result {
	value, ok := strings.CutPrefix(text, "message-id=")
	if !ok {
		if strings.HasPrefix(text, "resent-message-id=") || strings.HasPrefix(text, "to=<") {
			return Known
		}
		return s.postfixAction(id, text)
	}
	value, _, _ = strings.Cut(value, " (added by ")
	if value == "<>" { // a message without one: no two of them are the same for that
		value = ""
	}
	m, ok := s.pending.get(id)
	if !ok { // born in the house: a bounce, what an alias sends on
		s.enqueue(id, mail{At: event.At, Message: strings.Clone(value)})
		return Parsed
	}
	m.Message = strings.Clone(value)
	s.pending.put(strings.Clone(id), m)
	return Parsed
}

// postfixAccepted reads from=<sender>, size=…, nrcpt=… (queue active).
func (s *State) postfixAccepted(id, text string, event *Event) Result {
	from, ok := angled(text, "from=<")
	switch {
	case text == "removed":
		s.queued.remove(id)
		return Known
	case strings.HasPrefix(text, "skipped, ") || strings.HasPrefix(text, "to=<"):
		return Known
	case !ok || !strings.HasPrefix(text, "from=<"):
		return s.postfixAction(id, text)
	case !strings.HasSuffix(text, "(queue active)"):
		return Known // expired
	}
	m, ok := s.pending.get(id)
	if !ok {
		return Known // tried again, or born in the house
	}
	s.pending.remove(id)
	s.accepted(id, m, strings.Clone(from), event)
	return Parsed
}
