package logtail

import (
	"net/netip"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// queued is an accepted message, until it leaves the queue.
type queued struct {
	At      time.Time  `json:"at"`
	Message string     `json:"message"`
	Client  netip.Addr `json:"client,omitzero"`
}

// enqueue remembers the Message-ID for the lines that tell of deliveries.
func (s *State) enqueue(id string, m mail) {
	if m.Message != "" {
		s.queued.put(strings.Clone(id), queued{m.At, m.Message, m.Client})
	}
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
