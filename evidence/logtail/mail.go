package logtail

import (
	"net/netip"
	"strings"
	"time"

	"posthouse/evidence"
)

// mail is a message on its way into a queue: its lines are read until one tells that it was accepted.
type mail struct {
	At         time.Time  `json:"at"`
	Name       string     `json:"name,omitempty"` // host name of the client, "" if unknown
	Client     netip.Addr `json:"client,omitzero"`
	User       string     `json:"user,omitempty"` // authenticated user, or the one who called the local sendmail command: "uid 33", "www-data"
	From       string     `json:"from,omitempty"` // envelope sender, where it is told before the message is accepted
	Submission bool       `json:"submission,omitempty"`
	Silent     bool       `json:"silent,omitempty"` // never use: root's local mail, what is born in the house, what was met before
	Again      string     `json:"again,omitempty"`  // queue id of its first pass
	Message    string     `json:"message,omitempty"`
}

// accepted takes a message into the queue, unless it was met before.
func (s *State) accepted(id string, m mail, from string, event *Event) {
	s.meet(&m)
	s.remember(id, m.At)
	s.take(id, m, from, event)
}

// meet takes note of a message, and silences what a filter gives back. What is met again is not remembered anew: a program that gives all its messages one Message-ID would be silent for ever.
func (s *State) meet(m *mail) {
	if s.repeats(*m) {
		m.Silent = true
		return
	}
	s.remember(m.Message, m.At)
}

// take decides whether a message that is now in the queue is use, and whose.
func (s *State) take(id string, m mail, from string, event *Event) {
	s.enqueue(id, m)
	switch {
	case s.isOwn(m.Client, m.User, from):
		event.Own = ourMail
	case !m.Silent:
		channel, sender := s.senderOf(m, from)
		o := s.observation(m.At, channel)
		o.Sender, o.Client, o.From, o.Message = sender, m.Client, from, m.Message
		event.Use = append(event.Use, o)
	}
}

// repeats tells whether a content filter gives a message back, by SMTP or by the sendmail command, after it passed before.
func (s *State) repeats(m mail) bool {
	may := m.Again != "" || !m.Client.IsValid() || m.Client.IsLoopback() || within(s.c.Gateways, m.Client)
	return s.saw(m.Again, m.At) || may && s.saw(m.Message, m.At)
}

func (s *State) senderOf(m mail, from string) (evidence.Channel, string) {
	host := m.Name
	if host == "" && m.Client.IsValid() {
		host = m.Client.String()
	}
	switch {
	case m.User != "":
		return evidence.Sending, m.User
	case within(s.c.Gateways, m.Client):
		if at := strings.LastIndexByte(from, '@'); at >= 0 {
			host = from[at+1:]
		}
		return evidence.Arriving, host
	case m.Submission || m.Client.IsLoopback() || within(s.c.Local, m.Client):
		return evidence.Sending, host
	}
	return evidence.Arriving, host
}
