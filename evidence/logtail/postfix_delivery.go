package logtail

import "strings"

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

// postfixPut tells whether what a delivery agent did put the message into a mailbox, or threw it away.
func postfixPut(service, relay, said string) (put bool, lost string) {
	switch service {
	case "local", "virtual":
		if strings.HasPrefix(said, "delivered to file: /dev/null") {
			return true, "thrown away by Postfix"
		}
		return strings.HasPrefix(said, "delivered to "), ""
	case "lmtp":
		return strings.HasSuffix(relay, "]:24") || strings.Contains(relay, "[/") || strings.Contains(relay, "[private/") || strings.Contains(relay, "[public/"), ""
	case "pipe":
		return hasPrefix(relay, []string{"dovecot", "maildrop", "cyrus", "procmail"}), ""
	case "discard":
		return true, "thrown away by Postfix"
	}
	return false, ""
}
