package reason

// Class is why a next hop refused a message.
type Class string

const (
	None       Class = ""               // it did not
	Size       Class = "size"           // larger than it takes
	Syntax     Class = "syntax"         // its form, or what the next hop cannot carry
	Ours       Class = "ours"           // our own address, connector or login
	Recipient  Class = "recipient"      // no such mailbox there
	Full       Class = "full"           // the mailbox is full
	Throttled  Class = "throttled"      // too much, too fast
	Virus      Class = "virus"          // the content, from here on
	Attachment Class = "attachment"     // a kind of file that is not taken
	Spam       Class = "spam"           //
	Sender     Class = "sender"         // SPF, DKIM or DMARC of its sender failed
	Policy     Class = "policy"         // a rule there, about content or sender
	Other      Class = "not understood" // anything else
)

// Rescue reports whether the message may be put into the mailbox itself where SMTP refused it: the refusal judges neither content nor sender, and the mailbox exists.
func (c Class) Rescue() bool {
	switch c {
	case Size, Syntax, Ours, Throttled:
		return true
	}
	return false
}

// Patient reports whether the message is first tried again for a while: what is refused so may pass by itself.
func (c Class) Patient() bool { return c == Throttled || c == Other }

// Quiet reports whether what is refused so is kept without an alarm.
func (c Class) Quiet() bool { return c == Spam || c == Virus }

// Remedy says what a person can do about it; empty where there is nothing to do.
func (c Class) Remedy() string {
	switch c {
	case Size:
		return "raise the size limit there, or hand the message over by other means"
	case Syntax:
		return "the next hop cannot take the message in this form: put it into the mailbox by IMAP (WHERE:mailbox), or hand it over by other means"
	case Ours:
		return "the next hop does not know us: let it accept our public address, certificate or login (Microsoft 365: an inbound connector; Google: an inbound gateway; " +
			"a block list: ask to be taken off it)"
	case Recipient:
		return "add the address there, or take it out of our mailboxes and groups; then release the message"
	case Full:
		return "make room in the mailbox or raise its quota"
	case Throttled:
		return "the next hop takes less than there is: raise our limit there, or wait"
	case Virus:
		return "do not pass it on; look at the sender's computer if it is one of ours"
	case Attachment:
		return "the next hop does not take this kind of file: hand it over by other means, or allow it there and release the message"
	case Spam:
		return "if it is none: release it from the quarantine there, or allow the sender there and release the message here"
	case Sender:
		return "the next hop checked the sender's SPF, DKIM or DMARC against our address: let it look past us (Microsoft 365: enhanced filtering for the connector; Google: an " +
			"inbound gateway), then release the message"
	case Policy:
		return "a rule of the next hop forbids it: change the rule there and release the message, or tell the sender"
	case Other:
		return "read the reply; mend the cause there and release the message"
	}
	return ""
}

// Public says to the sender of a message, in words that tell nothing of our inside, why it has not arrived.
func (c Class) Public() string {
	switch c {
	case Size:
		return "it is larger than the recipient's mail system takes"
	case Recipient:
		return "the recipient's mailbox is not set up"
	case Full:
		return "the recipient's mailbox is full"
	case Attachment:
		return "the recipient's mail system does not take an attachment of this kind"
	case Sender:
		return "the recipient's mail system could not verify its sender (SPF, DKIM, DMARC)"
	case Policy, Spam, Virus:
		return "a rule of the recipient's mail system does not allow it"
	}
	return "the recipient's mail system cannot take it at the moment"
}
