package relay

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"posthouse/relay/reason"
)

// Notice tells a sender that a message has not been delivered yet. It is for a person to send: nothing is ever told to a stranger on our own account.
type Notice struct {
	Sender, Recipient string
	Captured          time.Time
	Class             reason.Class
	Held              bool
	Organisation      string
}

// Text is the notice as a message: header fields, an empty line and the text. It says nothing of our inside.
func (n Notice) Text() string {
	going := "It is kept safe, and we go on trying to deliver it. You need not send it again."
	if n.Held {
		going = "It is kept safe, and we are looking into it. You need not send it again; if it is urgent, please reach the recipient another way."
	}
	body := fmt.Sprintf("Your message of %s to %s has reached us, but it could not be delivered into the mailbox yet: %s.\n\n%s\n",
		n.Captured.UTC().Format("Mon, 2 Jan 2006 15:04 UTC"), oneLine(n.Recipient), n.Class.Public(), going)
	if n.Organisation != "" {
		body += "\n" + oneLine(n.Organisation) + "\n"
	}
	return fmt.Sprintf("To: <%s>\nSubject: Your message to %s has not been delivered yet\n\n%s", oneLine(n.Sender), oneLine(n.Recipient), body)
}

// oneLine keeps a stranger's words within their line.
func oneLine(s string) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s), "?")
}
