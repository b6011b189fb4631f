package logtail

import (
	"strings"
)

// took decides whether a message that the server accepted is use, and whose: not if it is ours, or was told of shortly before by another line. sender names
// whoever cannot be named otherwise; it is the envelope's sender, or the author where the log knows only him.
func (s *State) took(m mail, from, sender string, event *Event) Result {
	if from == "<>" {
		from = ""
	}
	again := s.saw(m.Message, m.At)
	if !again { // else a device that gives all its messages one Message-ID would be silent for ever
		s.remember(m.Message, m.At)
	}
	switch {
	case s.isOwn(m.Client, m.User, from) || named(s.c.OwnSenders, sender):
		event.Own = ourMail
		return Parsed
	case again:
		return Parsed
	}
	channel, who := s.senderOf(m, sender)
	if who == "" {
		who = domainOf(sender)
	}
	o := s.observation(m.At, channel)
	o.Sender, o.Client, o.From, o.Message = strings.Clone(who), m.Client, strings.Clone(from), strings.Clone(m.Message)
	event.Use = append(event.Use, o)
	return Parsed
}
