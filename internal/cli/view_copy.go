package cli

import (
	"fmt"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// copied is the first copy as it is shown: its numbers, its speed, and whether the whole is known.
type copied struct {
	control.Copy
	rate rate
	// open: some mailbox was not listed yet, so that the whole is more than what is told.
	open bool
}

func newCopied(s control.Status, r rate) copied {
	c := copied{Copy: s.Copy, rate: r}
	for _, m := range s.Mailboxes {
		c.open = c.open || m.State == stateWaiting && m.Folders == 0
	}
	return c
}

// copying tells whether the first copy is under way: some mailbox was never caught up with.
func copying(c control.Copy) bool { return c.Caught < c.Mailboxes }

func (c copied) moving() bool { return c.Messages < c.Total }

func (c copied) text() string {
	if c.Mailboxes == 0 {
		return ""
	}
	return join("   ", c.boxes(), c.numbers(), c.speed(), c.attention("   "))
}

func (c copied) boxes() string {
	return fmt.Sprintf("%s/%s mailboxes", count(c.Caught), count(c.Mailboxes))
}

// attention is what does not go on now: for a person, and by a server's wish.
func (c copied) attention(before string) string {
	problems, waits := "", ""
	if c.Problems > 0 {
		problems = counted(c.Problems, "needs attention", "need attention")
	}
	if c.Waiting > 0 {
		waits = counted(c.Waiting, "waits as a server asks", "wait as a server asks")
	}
	if problems+waits == "" {
		return ""
	}
	return before + join(", ", problems, waits)
}

func (c copied) numbers() string {
	objects := shares(c.Events, c.EventsTotal, c.Contacts, c.ContactsTotal)
	if c.Total == 0 {
		return objects
	}
	octets := ""
	if c.BytesTotal > 0 {
		octets = c.octets()
	}
	return join("   ", c.messages()+" messages", octets, objects)
}

func (c copied) messages() string {
	text := fmt.Sprintf("%s/%s", count(c.Messages), count(c.Total))
	if c.open {
		text += "+"
	}
	return text
}

// octets of the whole are an estimate until every message is done.
func (c copied) octets() string { return sizes(c.Bytes, c.BytesTotal, c.moving() || c.open) }

func (c copied) speed() string {
	if !c.moving() {
		return ""
	}
	speed := ""
	switch {
	case c.rate.bytes > 0:
		speed = byteRate(c.rate.bytes)
	case c.rate.messages > 0:
		speed = countRate(c.rate.messages)
	}
	return join("   ", speed, c.eta())
}

func (c copied) eta() string {
	d, ok := left(c.Messages, c.Total, c.Bytes, c.BytesTotal, c.rate)
	switch {
	case !ok:
		return ""
	case c.open:
		return "ETA over " + evidence.Length(d)
	}
	return "ETA " + evidence.Length(d)
}

// share is how much of the whole is done, in percent; of an open whole it is at most that.
func (c copied) share(part, whole int64) string {
	if c.open {
		return fmt.Sprintf("≤%d %%", percent(part, whole))
	}
	return fmt.Sprintf("%d %%", percent(part, whole))
}
