package relay_test

import (
	"strings"
	"testing"
	"time"

	"posthouse/relay"
	"posthouse/relay/reason"
)

func TestNotice(t *testing.T) {
	n := relay.Notice{
		Sender: "cad@partner.example", Recipient: "bob@example.com", Captured: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC), Class: reason.Size, Held: true, Organisation: "Example Ltd",
	}
	equal(t, "held", n.Text(), `To: <cad@partner.example>
Subject: Your message to bob@example.com has not been delivered yet

Your message of Thu, 26 Nov 2026 09:30 UTC to bob@example.com has reached us, but it could not be delivered into the mailbox yet: it is larger than the recipient's mail system takes.

It is kept safe, and we are looking into it. You need not send it again; if it is urgent, please reach the recipient another way.

Example Ltd
`)
	n.Held, n.Class, n.Organisation = false, reason.None, ""
	if text := n.Text(); !strings.Contains(text, "go on trying") || !strings.Contains(text, "cannot take it at the moment") {
		t.Error(text)
	}
	n.Sender, n.Recipient = "a\r\nBcc: everybody@example.com", "b\nc"
	header, _, _ := strings.Cut(n.Text(), "\n\n")
	equal(t, "lines of its header", len(strings.Split(header, "\n")), 2)
}
