package logtail

import (
	"strings"

	"posthouse/evidence"
)

// longestMessageID is what servers write of a Message-ID at most (Dovecot: 200 octets). A longer one is cut off, and cannot be found again.
const longestMessageID = 199

// delivered notes a local delivery. What has no Message-ID can be held against nothing.
func (s *State) delivered(event *Event, mailbox, message, folder, lost string) {
	if !strings.HasPrefix(message, "<") || !strings.HasSuffix(message, ">") || message == "<>" || len(message) > longestMessageID || mailbox == "" {
		return
	}
	event.Delivered = append(event.Delivered, evidence.LocalDelivery{
		At: event.At, Source: s.c.Source, Mailbox: strings.ToLower(mailbox), Message: strings.Clone(message), Folder: strings.Clone(folder), Lost: lost,
	})
}
