package logtail

import (
	"net/netip"
	"strings"
)

func isEximProgram(program string) bool { return strings.HasPrefix(program, "exim") }

// isExim tells whether a line without host and tag is one of Exim's mainlog: it names a message, or begins as Exim's do that name none.
func isExim(text string) bool {
	text = withoutPID(text)
	_, rest, ok := cutEximID(text)
	return ok && rest != "" || hasPrefix(text, eximTalk) || strings.Contains(text, " authenticator failed for ")
}

// eximTalk begins lines of connections, refusals, queue runs and the daemon itself: nothing but these stand in the log of a server that nobody uses.
var eximTalk = []string{
	"H=", "exim 4", "Start queue run: ", "End queue run: ", "SMTP ", "TLS error on ", "TLS session: ", "no host name found for ", "no IP address found for ", "unexpected disconnection ", "refused connection from ",
	"Connection from ", "connection from ", "no MAIL in SMTP connection from ", "TLS client disconnected ", "rejected ", "WARNING: purging the environment", "Warning: purging the environment", "SIGHUP received", "cwd=/", "host name alias list ", "ident connection to ",
	"daemon:", "socket bind() to ", "Failed to get ", "log string overflowed", "VRFY ", "EXPN ", "ETRN ",
}

// parseExim reads a line of Exim's main log (4.x), from its file or from syslog. A message counts where "<=" says that it was taken.
func parseExim(h header, s *State, event *Event) Result {
	text, first := eximText(h.text)
	if !first {
		return Known
	}
	id, after, ok := cutEximID(text)
	switch {
	case !ok && strings.Contains(text, " <= "):
		return Unparsed
	case !ok:
		return Known // of connections, refusals and queue runs
	}
	flag, text, _ := strings.Cut(after, " ")
	switch flag {
	case "<=":
		return s.eximArrived(id, text, event)
	case "=>", "->":
		return s.eximDelivered(id, text, event)
	case "Completed":
		s.queued.remove(id)
	}
	return Known
}

// eximText takes off what stands before a message's id besides the stamp: in syslog the number of a part, [1/2] or [1\2], where a line was split, and the stamp again
// (syslog_timestamp). Only the first part is read.
func eximText(text string) (rest string, first bool) {
	first = true
	if part, after, ok := strings.Cut(text, "] "); ok && len(part) > 1 && part[0] == '[' && strings.ContainsAny(part, `/\`) && strings.Trim(part[1:], `0123456789/\`) == "" {
		text, first = after, strings.HasPrefix(part, "[1/") || strings.HasPrefix(part, `[1\`)
	}
	if len(text) > len("2006-01-02 15:04:05 ") && text[4] == '-' && text[10] == ' ' && text[13] == ':' {
		_, text, _ = strings.Cut(text[len("2006-01-02 "):], " ")
		text = withoutOffset(text)
	}
	return withoutPID(text), first
}

// withoutPID takes off [1487], as log_selector = +pid writes it.
func withoutPID(text string) string {
	if pid, rest, ok := strings.Cut(text, "] "); ok && len(pid) > 1 && pid[0] == '[' && strings.Trim(pid[1:], "0123456789") == "" {
		return rest
	}
	return text
}

// cutEximID reads a message's id: 1Ov4tU-0000Nz-Rm, since 4.97 1rHqcV-00000005Ttq-2f5Z. Their form may change again: what stands before a flag is one too.
func cutEximID(text string) (id, rest string, ok bool) {
	id, rest, _ = strings.Cut(text, " ")
	a, after, _ := strings.Cut(id, "-")
	b, c, ok := strings.Cut(after, "-")
	short := len(b) == 6 && len(c) == 2
	long := len(b) == 11 && len(c) == 4
	if ok && len(a) == 6 && (short || long) {
		return id, rest, isAlphanumeric(a) && isAlphanumeric(b) && isAlphanumeric(c)
	}
	return id, rest, len(id) >= 5 && len(id) <= 40 && hasPrefix(rest, eximFlags) && isAlphanumeric(strings.ReplaceAll(id, "-", ""))
}

// eximFlags tell of a message that it came, went, or could not.
var eximFlags = []string{"<= ", "=> ", "-> ", ">> ", "*> ", "** ", "== "}

func isAlphanumeric(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// eximArrived reads <= anna@example.com H=mail.example (helo) [192.0.2.7]:51792 I=[192.0.2.1]:25 U=ident P=esmtpsa X=… A=plain:anna S=… id=x@y T="Subject".
func (s *State) eximArrived(id, text string, event *Event) Result {
	from, text := cutSender(text)
	f := eximFields(text)
	if from == "" || f["P"] == "" && f["U"] == "" && f["H"] == "" && f["R"] == "" {
		return Unparsed
	}
	m := mail{At: event.At}
	if f["id"] != "" {
		m.Message = "<" + strings.Trim(f["id"], "<>") + ">"
	}
	if host := f["H"]; host != "" {
		name, client, ok := eximHost(host)
		if !ok {
			return Unparsed
		}
		m.Name, m.Client = name, client
	}
	m.User, m.Submission = eximUser(f)
	m.Silent = f["R"] != "" || !m.Client.IsValid() && (m.User == "root" || strings.Contains(text, ` T="Cron <`)) // a report on another message; cron's and the system's own
	s.accepted(id, m, strings.Clone(strings.Trim(from, "<>")), event)
	return Parsed
}

// cutSender reads an address up to the space behind it; a quoted local part may hold spaces.
func cutSender(text string) (from, rest string) {
	if strings.HasPrefix(text, `"`) {
		if end := strings.Index(text[1:], `"@`); end >= 0 {
			domain, rest, _ := strings.Cut(text[end+2:], " ")
			return text[:end+2] + domain, rest
		}
	}
	from, rest, _ = strings.Cut(text, " ")
	return from, rest
}

// eximFields reads KEY=value words. H= has several words. What stands behind the subject (T=) is free text.
func eximFields(text string) map[string]string {
	f, last := make(map[string]string, 12), ""
	for text != "" && !strings.HasPrefix(text, `T="`) {
		var word string
		word, text = cutWord(text)
		key, value, ok := strings.Cut(word, "=")
		switch {
		case last == "H" && (strings.HasPrefix(word, "(") || strings.HasPrefix(word, "[")):
			f["H"] += " " + word
		case ok:
			f[key], last = strings.Clone(value), key
		default:
			last = word
		}
	}
	return f
}

// cutWord cuts at the first space, or behind the quotes of KEY="several words".
func cutWord(text string) (word, rest string) {
	word, rest, _ = strings.Cut(text, " ")
	key, value, quoted := strings.Cut(word, `="`)
	if !quoted || len(value) > 1 && strings.HasSuffix(value, `"`) {
		return word, rest
	}
	value, rest, _ = strings.Cut(text[len(key)+len(`="`):], `" `)
	return text[:len(key)+len(`="`)+len(value)], rest
}

// eximHost reads mail.example (helo.example) [192.0.2.7]:51792. A name is there only where the DNS confirmed it.
func eximHost(text string) (name string, client netip.Addr, ok bool) {
	open := strings.LastIndexByte(text, '[')
	if open < 0 {
		return "", netip.Addr{}, false
	}
	if name, _, _ = strings.Cut(text[:open], " "); strings.HasPrefix(name, "(") {
		name = ""
	}
	address, _, _ := strings.Cut(text[open+1:], "]")
	client, err := netip.ParseAddr(address)
	return name, client.Unmap().WithZone(""), err == nil
}

// eximUser tells who logged in (A=plain:anna), or called the sendmail command (U= without a host), and whether the message was submitted.
func eximUser(f map[string]string) (user string, submission bool) {
	if f["H"] == "" {
		return f["U"], false
	}
	_, user, _ = strings.Cut(f["A"], ":")
	port := f["I"][strings.LastIndexByte(f["I"], ':')+1:]
	return user, f["A"] != "" || f["P"] == "asmtp" || strings.HasPrefix(f["P"], "esmtp") && strings.HasSuffix(f["P"], "a") || port == "587" || port == "465"
}

// eximDelivered reads => anna <info@example.com> R=localuser T=local_delivery. What has a host (H=) went to another server, or by TCP to one of this host that tells
// of it itself.
func (s *State) eximDelivered(id, text string, event *Event) Result {
	to, how, ok := strings.Cut(text, " R=")
	q, known := s.queued.get(id)
	if !ok || !known || strings.Contains(how, " H=") {
		return Known
	}
	to, rest := cutSender(to)
	original, _ := angled(" "+rest, " <")
	mailbox, lost := to, ""
	switch {
	case strings.HasPrefix(to, ">"): // an autoreply
		return Known
	case strings.HasPrefix(to, ":") || to == "/dev/null":
		mailbox, lost = original, "thrown away by Exim"
	case strings.HasPrefix(to, "|") || strings.HasPrefix(to, "/"):
		mailbox = original
	case strings.HasPrefix(strings.ToLower(original), strings.ToLower(to)+"@"): // the same, and more of it
		mailbox = original
	}
	return s.deliveredOf(q, mailbox, lost, event)
}
