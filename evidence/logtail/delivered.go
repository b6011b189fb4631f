package logtail

import (
	"strings"

	"posthouse/cutover"
	"posthouse/evidence"
)

// longestMessageID is what servers write of a Message-ID at most (Dovecot: 200 octets). A longer one is cut off, and cannot be found again.
const longestMessageID = 199

// delivered notes a local delivery. What has no Message-ID can be held against nothing.
func (s *State) delivered(event *Event, mailbox, message, folder, lost string) {
	if !strings.HasPrefix(message, "<") || !strings.HasSuffix(message, ">") || len(message) > longestMessageID || mailbox == "" {
		return
	}
	event.Delivered = append(event.Delivered, evidence.LocalDelivery{
		At: event.At, Source: s.c.Source, Mailbox: strings.ToLower(mailbox), Message: strings.Clone(message), Folder: strings.Clone(folder), Lost: lost,
	})
}

// deliveredOf notes the local delivery of a message in the queue.
func (s *State) deliveredOf(q queued, mailbox, lost string, event *Event) Result {
	s.delivered(event, mailbox, q.Message, "", lost)
	for i := range event.Delivered {
		event.Delivered[i].Client = q.Client
	}
	return resultOf(event)
}

// arrivedIn makes an arrival of a delivery, where no log tells of the arrival itself.
func (s *State) arrivedIn(user, message string, event *Event) {
	s.remember(message, event.At)
	o := s.observation(event.At, evidence.Arriving)
	o.Message, o.Detail = strings.Clone(message), "delivered to "+user
	if strings.Contains(user, "@") {
		o.Mailbox = cutover.MailboxID(strings.ToLower(user))
	}
	event.Use = append(event.Use, o)
}

// resultOf is Parsed where a line gave something.
func resultOf(event *Event) Result {
	return parsedIf(len(event.Delivered)+len(event.Use) > 0)
}

// parsedIf is Known where a line gave and changed nothing.
func parsedIf(meant bool) Result {
	if meant {
		return Parsed
	}
	return Known
}
