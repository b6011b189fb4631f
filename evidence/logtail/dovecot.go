package logtail

import (
	"net/netip"
	"strings"

	"posthouse/evidence"
)

// dovecotServices are the processes that write a line's beginning. Those that end in -login take logins; mail processes tell their end.
var dovecotServices = map[string]bool{
	"imap-login": true, "pop3-login": true, "managesieve-login": true, "submission-login": true,
	"imap": true, "pop3": true, "managesieve": true, "submission": true, "imap-hibernate": true,
	"lmtp": true, "lda": true, "deliver": true, "dovecot-auth": true, "master": true, "auth": true, "auth-worker": true, "anvil": true, "log": true, "config": true, "stats": true,
	"indexer": true, "indexer-worker": true, "dict": true, "dns-client": true, "dns_client": true, "director": true, "ipc": true,
	"replicator": true, "aggregator": true, "doveadm": true, "doveadm-server": true, "dsync-local": true, "dsync-remote": true,
	"dsync-server": true, "ssl-params": true, "ssl-build-param": true, "quota-status": true, "quota-warning": true, "old-stats": true, "health-check": true,
	"script": true, "script-login": true, "imap-urlauth": true, "imap-urlauth-login": true, "imap-urlauth-worker": true, "tcpwrap": true,
	"welcome": true, "dict-async": true, "dict-expire": true, "lib-cleanup": true, "lmtp-proxy": true, "fts": true, "decode2text": true,
}

// splitDovecot reads service(user)<pid><session>: text; the text begins with its level, where syslog does not have that. 1.x has the level in front, which was cut off, and mail services in capitals.
func splitDovecot(line string) (service, user, id, text string, ok bool) {
	end := strings.IndexAny(line, ":(< ")
	if end <= 0 {
		return "", "", "", "", false
	}
	service, rest := strings.ToLower(line[:end]), line[end:]
	if rest[0] == '(' {
		if user, rest, ok = cutUser(rest[1:]); !ok {
			return "", "", "", "", false
		}
	}
	for strings.HasPrefix(rest, "<") {
		if id, rest, ok = strings.Cut(rest[1:], ">"); !ok { // the last of pid and session
			return "", "", "", "", false
		}
	}
	if text, ok = strings.CutPrefix(rest, ": "); !ok {
		return "", "", "", "", false
	}
	return service, user, id, text, true
}

// cutUser reads the user up to the parenthesis that ends it: what follows one inside a name is no prefix's end.
func cutUser(text string) (user, rest string, ok bool) {
	for i := 0; i < len(text); i++ {
		if text[i] == ')' && i+1 < len(text) && (text[i+1] == ':' || text[i+1] == '<') {
			return text[:i], text[i+1:], true
		}
	}
	return "", "", false
}

// levels begin texts, or lines of 1.x. What is told at another level than the first tells of no use.
var levels = []string{"Info: ", "Warning: ", "Warn: ", "Error: ", "Debug: ", "Fatal: ", "Panic: "}

func cutLevel(text string) (rest string, talk bool) {
	for i, level := range levels {
		if rest, ok := strings.CutPrefix(text, level); ok {
			return rest, i > 0
		}
	}
	return text, false
}

func isDovecotProgram(program string) bool { return strings.HasPrefix(program, "dovecot") }

// isDovecot tells whether a line without host and tag can be Dovecot's (log_path names a file).
func isDovecot(text string) bool {
	line, _ := cutLevel(text)
	service, _, _, _, ok := splitDovecot(line)
	return ok && dovecotServices[service]
}

// parseDovecot reads a line of Dovecot 2.2, 2.3 or 2.4.
func parseDovecot(h header, s *State, event *Event) Result {
	if strings.HasPrefix(h.text, "Dovecot v") { // 1.x, without the service
		return s.dovecotStarted(h.text, event)
	}
	line, talk := cutLevel(h.text)
	if talk || h.program == "dovecot-auth" { // PAM writes in its name
		return Known
	}
	service, user, id, text, ok := splitDovecot(line)
	text, talk = cutLevel(text)
	switch {
	case !ok:
		return Unparsed
	case talk:
		return Known
	case strings.HasSuffix(service, "-login"):
		return s.dovecotLogin(service, text, event)
	case service == "master":
		return s.dovecotStarted(text, event)
	case service == "lmtp" || service == "lda" || service == "deliver":
		return s.dovecotDelivery(user, text, event)
	case isMailService(service):
		return s.dovecotEnd(strings.TrimSuffix(service, "-hibernate"), user, id, text, event)
	case dovecotServices[service]:
		return Known
	}
	return Unparsed
}

func isMailService(service string) bool {
	switch service {
	case "imap", "pop3", "managesieve", "submission", "imap-hibernate":
		return true
	}
	return false
}

// loginMarks begin the lines of successful logins: 2.3, 2.4.
var loginMarks = []string{"Login: user=<", "Logged in: user=<"}

// failedLogins begin everything else that a login process says.
var failedLogins = []string{
	"Disconnected", "Aborted login", "Login aborted", "Maximum number of connections", "Internal login failure", "Timeout while", "proxy",
	"Error", "SSL", "TLS", "auth", "Auth", "read(", "Warning", "Connection closed", "master", "fd_send", "Shutting down", "Client", "Invalid", "Remote closed", "ID sent: ",
}

// dovecotLogin reads Login: user=<anna>, method=PLAIN, rip=192.0.2.7, lip=…, mpid=18, TLS, session=<PeYcgjjOGOisEQAB>. A proxy says proxy(anna):
// started proxying to …: user=<anna>, … instead, and tells the end itself.
func (s *State) dovecotLogin(service, text string, event *Event) Result {
	service = strings.TrimSuffix(service, "-login")
	proxied := strings.HasPrefix(text, "proxy(") && strings.Contains(text, ": user=<")
	switch {
	case proxied && strings.Contains(text, "isconnect"):
		user, _ := angled(text, "user=<")
		id, _ := angled(text, ", session=<")
		return s.dovecotEnd(service, user, id, "Disconnected", event)
	case proxied && strings.Contains(text, "tarted proxying"), hasPrefix(text, loginMarks):
		return s.dovecotLoggedIn(service, text, event)
	case hasPrefix(text, failedLogins):
		return Known
	}
	return Unparsed
}

func (s *State) dovecotLoggedIn(service, text string, event *Event) Result {
	user, ok := angled(text, "user=<")
	client, err := netip.ParseAddr(field(text, ", rip="))
	if !ok || user == "" || (err != nil && strings.Contains(text, ", rip=")) {
		return Unparsed
	}
	id, _ := angled(text, ", session=<")
	login := session{
		at: event.At, channel: channelOf(service), user: strings.Clone(user), client: client.Unmap(),
		detail: strings.ToUpper(service), named: id != "", count: 1,
	}
	key := sessionKey(service, user, id)
	master, _ := angled(text, ", master=<")
	return s.begin(key, login, s.isOwn(login.client, user, "") || named(s.c.OwnUsers, master), event)
}

// channelOf tells what a session is for: who logs in for submission sends.
func channelOf(service string) evidence.Channel {
	if service == "submission" {
		return evidence.Sending
	}
	return evidence.Login
}

// logoutMarks begin the last line of a session.
var logoutMarks = []string{
	"Logged out", "Disconnected", "Connection closed", "Server shutting down", "Shutting down", "Connection reset", "Timeout",
	"Too many invalid", "Mailbox is in inconsistent state",
}

// dovecotEnd reads the end of a session. The end of one that was not seen to begin waits for the login.
func (s *State) dovecotEnd(service, user, id, text string, event *Event) Result {
	if !hasPrefix(text, logoutMarks) {
		return Known
	}
	if strings.Trim(id, "0123456789") == "" { // only a pid: 2.2, or a prefix of one's own
		id = ""
	}
	key := sessionKey(service, user, id)
	switch {
	case s.finish(key, id != "", event):
		return Parsed
	case id == "" || user == "" || named(s.c.OwnUsers, user):
		return Known
	}
	s.logouts.put(key, logout{event.At, strings.Clone(service), strings.Clone(user)})
	return Parsed
}

// dovecotStarted ends all sessions when the server starts: after a crash nothing else tells their end.
func (s *State) dovecotStarted(text string, event *Event) Result {
	if !strings.Contains(text, " starting up") {
		return Known
	}
	return s.finishAll(event)
}

// dovecotDelivery reads msgid=<id>: saved mail to INBOX, and Sieve's stored mail into mailbox 'INBOX' and marked message to be discarded.
func (s *State) dovecotDelivery(user, text string, event *Event) Result {
	start := strings.Index(text, "msgid=")
	if start < 0 {
		return Known
	}
	message, done, _ := strings.Cut(text[start+len("msgid="):], ": ")
	message, _, _ = strings.Cut(message, " (")          // (added by mail.example), (sfid-…)
	if _, name, both := strings.Cut(user, ", "); both { // 2.2: lmtp(4711, anna)
		user = name
	}
	folder, lost, ok := dovecotDelivered(done)
	if !ok || message == "" {
		return Known
	}
	s.delivered(event, user, message, folder, lost)
	if s.c.Deliveries && lost == "" && !s.saw(message, event.At) {
		s.arrivedIn(user, message, event)
	}
	if len(event.Delivered)+len(event.Use) == 0 {
		return Known
	}
	return Parsed
}

// dovecotDelivered tells where a message was put, or that Sieve discards it unless another line says that it was put somewhere.
func dovecotDelivered(text string) (folder, lost string, ok bool) {
	for _, mark := range []string{"saved mail to ", "tored mail into mailbox ", "tored mail into "} {
		if _, after, put := strings.Cut(text, mark); put {
			return strings.Trim(after, "'"), "", true
		}
	}
	if strings.Contains(text, "arked message to be discarded") {
		return "", "discarded by Sieve", true
	}
	return "", "", false
}

func hasPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
