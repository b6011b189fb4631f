package logtail

import (
	"slices"
	"strings"
)

// postfixDelivery reads to=<anna@example.com>, orig_to=<info@example.com>, relay=local, delay=…, dsn=2.0.0, status=sent (delivered to mailbox): what was put
// into a mailbox of this server. What goes to other servers, and by pipe(8) to programs that deliver nothing, is none.
func (s *State) postfixDelivery(service, text string, event *Event) Result {
	id, text, ok := strings.Cut(text, ": to=<")
	if !ok || !isQueueID(id) {
		return Known
	}
	mailbox, text, ok := strings.Cut(text, ">, ")
	_, said, sent := strings.Cut(text, ", status=sent (")
	if !ok || !sent {
		return Known
	}
	put, lost := postfixPut(service, field(", "+text, ", relay="), said)
	q, known := s.queued.get(id)
	if !put || !known || strings.HasPrefix(mailbox, `"|`) || strings.HasPrefix(mailbox, `"/`) {
		return Known
	}
	return s.deliveredOf(q, mailbox, lost, event)
}

// mailboxServers are marks of LMTP servers that put mail into mailboxes: a socket, the usual ports (7025 is Zimbra's). Content filters have others.
var mailboxServers = []string{"[/", "[private/", "[public/", "]:24 ", "]:2003 ", "]:7025 "}

// postfixPut tells whether what a delivery agent did put the message into a mailbox, or threw it away.
func postfixPut(service, relay, said string) (put bool, lost string) {
	switch service {
	case "local", "virtual":
		if strings.HasPrefix(said, "delivered to file: /dev/null") {
			return true, "thrown away by Postfix"
		}
		return strings.HasPrefix(said, "delivered to "), ""
	case "lmtp":
		return slices.ContainsFunc(mailboxServers, func(mark string) bool { return strings.Contains(relay+" ", mark) }), ""
	case "pipe":
		return hasPrefix(relay, []string{"dovecot", "maildrop", "cyrus", "procmail"}), ""
	case "discard":
		return true, "thrown away by Postfix"
	}
	return false, ""
}
