package reason

// Class is why a delivery waits, as people type it: what a next hop refused it for, or what we know of it ourselves.
type Class string

// None is no refusal.
const None Class = ""

// What a next hop refuses for.
const (
	Connector  Class = "connector"          // mail of its own domains from strangers, and we are one to it
	Mismatch   Class = "connector-mismatch" // we are not whom its connector names
	Blocked    Class = "blocked"            // our IP address or host name
	Login      Class = "login"              // ours, or that there is none
	TLS        Class = "tls"                // the encryption between us
	Relay      Class = "no-relay"           // the domain, which it does not serve
	Size       Class = "too-large"
	Form       Class = "unfit"      // the message's form, or what it cannot carry
	Recipient  Class = "no-mailbox" // no such mailbox there
	Disabled   Class = "disabled"   // the mailbox is switched off
	Full       Class = "full"       // the mailbox is full
	Throttled  Class = "throttled"  // too much, too fast
	Loop       Class = "loop"       // it has been there before
	Virus      Class = "virus"      // the content, from here on
	Attachment Class = "attachment" // a kind of file that is not taken
	Spam       Class = "spam"
	Sender     Class = "sender-check" // SPF, DKIM or DMARC of its sender failed
	Restricted Class = "restricted"   // the mailbox or group takes mail from some only
	Policy     Class = "policy"       // a rule there, about content or sender
	Other      Class = "other"        // anything else
)

// What no reply says.
const (
	Doubt         Class = "doubt"          // it may have arrived
	ByHand        Class = "by-hand"        // a person holds it
	Nowhere       Class = "nowhere"        // no mailbox takes it
	Outside       Class = "outside"        // it leads outside, where nobody sends
	UnknownThere  Class = "unknown-there"  // the cloud sent it to us
	Unreachable   Class = "unreachable"    // the next hop gives no answer
	NoDestination Class = "no-destination" // the configuration does not name the way out
	TooLong       Class = "too-long"       // it was put off again and again
	Waiting       Class = "waiting"        // for its next attempt, and nothing is the matter
)

// Rescue reports whether the message may be put into the mailbox itself where SMTP refused it: the refusal judges neither content nor sender, and the mailbox exists.
func (c Class) Rescue() bool {
	switch c {
	case Connector, Mismatch, Blocked, Login, TLS, Relay, Size, Form, Throttled:
		return true
	}
	return false
}

// Patient reports whether the message is first tried again for a while: what is refused so may pass by itself.
func (c Class) Patient() bool { return c == Throttled || c == Other }

// Quiet reports whether what is refused so is kept without an alarm.
func (c Class) Quiet() bool { return c == Spam || c == Virus }

// What says what is the matter, in a few words; empty for None, and for what is no class.
func (c Class) What() string { return c.words().what }

// Remedy says what a person can do about it.
func (c Class) Remedy() string { return c.words().remedy }

// Public says to the sender of a message, in words that tell nothing of our inside, why it has not arrived.
func (c Class) Public() string {
	switch c {
	case Size:
		return "it is larger than the recipient's mail system takes"
	case Recipient, Disabled:
		return "the recipient's mailbox is not set up"
	case Full:
		return "the recipient's mailbox is full"
	case Attachment:
		return "the recipient's mail system does not take an attachment of this kind"
	case Sender:
		return "the recipient's mail system could not verify its sender (SPF, DKIM, DMARC)"
	case Policy, Restricted, Spam, Virus:
		return "a rule of the recipient's mail system does not allow it"
	}
	return "the recipient's mail system cannot take it at the moment"
}
