package reason

import (
	"regexp"
	"strconv"
	"strings"
)

// Of tells why a reply with this code refused something; None for a reply that did not. The enhanced code may be missing, and its first digit is not looked at: the
// code's is.
func Of(code int, enhanced, text string) Class {
	if code/100 != 4 && code/100 != 5 {
		return None
	}
	r := reply{code: code, text: strings.ToLower(text)}
	r.subject, r.detail = split(enhanced)
	for _, ask := range []func(reply) Class{byContent, byCode, byWords, byRest} {
		if c := ask(r); c != None {
			return judged(r, c)
		}
	}
	return Other
}

// reply is a refusal, taken apart.
type reply struct {
	code            int
	subject, detail int    // of the enhanced code; -1 without one
	text            string // in lower case
}

func (r reply) temporary() bool { return r.code < 500 }

func split(enhanced string) (subject, detail int) {
	parts := strings.Split(enhanced, ".")
	if len(parts) != 3 {
		return -1, -1
	}
	subject, err1 := strconv.Atoi(parts[1])
	detail, err2 := strconv.Atoi(parts[2])
	if err1 != nil || err2 != nil {
		return -1, -1
	}
	return subject, detail
}

var (
	virusWords      = regexp.MustCompile(`\bvirus|\bmalware|\binfected\b|\btrojan\b|phish`)
	attachmentWords = regexp.MustCompile(`attachment|file (type|extension|name)|potential security issue|executable`)
	// "unauthenticated" is Google's word for a sender; a client that has to log in is "not authenticated".
	senderWords = regexp.MustCompile(`\bdmarc\b|\bspf\b|\bdkim\b|unauthenticated|sending domain .*(not pass|doesn't meet|not meet)`)
)

// byContent finds what must never reach a mailbox by another way, whatever the code says.
func byContent(r reply) Class {
	switch {
	case virusWords.MatchString(r.text):
		return Virus
	case attachmentWords.MatchString(r.text) && !sizeWords.MatchString(r.text):
		return Attachment
	case senderWords.MatchString(r.text):
		return Sender
	}
	return None
}

// byCode knows the enhanced codes that mean one thing.
func byCode(r reply) Class {
	switch {
	case r.code == 530 && tlsWords.MatchString(r.text):
		return TLS
	case r.code == 530, r.code == 535:
		return Login
	}
	switch r.subject {
	case 1:
		return byAddress(r)
	case 2:
		return byMailbox(r)
	case 3:
		if r.detail == 4 {
			return Size
		}
	case 4:
		return byRoute(r)
	case 5:
		if !r.temporary() && (r.detail == 1 || r.detail == 2 || r.detail == 4) {
			return Form
		}
	case 6:
		if !spamWords.MatchString(r.text) {
			return Form
		}
	case 7:
		return bySecurity(r)
	}
	return None
}

func byAddress(r reply) Class {
	switch r.detail {
	case 0:
		if strings.Contains(r.text, "sender") {
			return Policy // Exchange: sender denied
		}
		return Recipient
	case 1, 2, 4, 6, 10:
		return Recipient
	case 3, 7:
		return Form
	case 8:
		return Policy // the sender's domain is none, or Microsoft's bad outbound sender
	}
	return None
}

func byMailbox(r reply) Class {
	switch {
	case r.detail == 2:
		return Full
	case r.detail == 3:
		return Size
	case r.detail == 1 && !r.temporary():
		return Disabled // a temporary one is Google's "at a rate that"
	}
	return None
}

func byRoute(r reply) Class {
	switch {
	case r.detail == 1 && !r.temporary():
		return Recipient // Microsoft: recipient address rejected, access denied
	case r.detail == 5 && !r.temporary():
		return Throttled // Google: daily limit
	case r.detail == 6, r.detail == 12, r.detail == 14:
		return Loop
	case r.detail == 62, r.detail == 63:
		return Relay // Microsoft: not a domain of the tenant it was sent to
	}
	return None
}

// bySecurity knows the x.7 codes of RFC 4954, RFC 7372, Microsoft and Google. What is not among them says too little without its words.
func bySecurity(r reply) Class {
	d := r.detail
	switch {
	case r.temporary() && (d == 28 || d == 651 || d >= 500 && d <= 699):
		return Throttled
	case d == 68:
		return Connector
	case d == 64:
		return Mismatch
	case d == 25, d == 511, d >= 606 && d <= 649, d == 708:
		return Blocked
	case d == 3, d == 4, d == 8, d == 9, d == 14, d == 57, d == 139:
		return Login
	case d == 5, d == 10:
		return TLS
	case d == 54, d == 367:
		return Relay
	case d >= 20 && d <= 24 || d == 26 || d == 27 || d == 30 || d == 509 || d == 515:
		return Sender
	case d == 28, d == 508, d == 705:
		return Throttled
	case d == 512:
		return Form
	case d == 124, d == 129, d >= 133 && d <= 136, d == 193:
		return Restricted
	case d >= 501 && d <= 503:
		return Spam // Microsoft: spam abuse detected, banned sender
	}
	return None
}

var (
	sizeWords  = regexp.MustCompile(`too (large|big)|(message|size|mail) .{0,40}(exceed|limit)|exceed.{0,40}(size|maximum)|larger than`)
	fullWords  = regexp.MustCompile(`mailbox (is )?full|mailbox size limit|over ?quota|quota ?exceeded|exceeded .{0,20}quota|out of storage`)
	greyWords  = regexp.MustCompile(`gr[ae]y-?list`)
	rateWords  = regexp.MustCompile(`at a rate that|rate.?limit|throttl|too many (connections|messages|concurrent|login)|server busy|slow down|unusual rate|limit exceeded|backoff time`)
	formWords  = regexp.MustCompile(`bare ?(lf|cr|linefeed|newline)|rfc ?(2822|5321|5322|822)\b|line too long|invalid (header|character)|malformed|from: header|8bitmime|smtputf8|no chunking|cannot be written in a command`)
	loopWords  = regexp.MustCompile(`hop count exceeded|mail loop|too many hops|routing loop`)
	spamWords  = regexp.MustCompile(`\bspam|\bjunk\b|unsolicited|\bbulk\b|suspicious|\bube\b|\buce\b|blacklist|content filter`)
	whomWords  = regexp.MustCompile(`(no such|unknown|invalid|unrouteable) (user|recipient|mailbox|address)|(user|recipient|mailbox|address|account).{0,20}(unknown|not found|not exist|disabled|unavailable|invalid)|does not exist|recipient address rejected`)
	allowWords = regexp.MustCompile(`resolver\.rst|only accepts|internal senders|not allowed|not permitted|denied|prohibit|forbidden|polic|reject`)

	// What is about us; "relay" is, too.
	blockedWords   = regexp.MustCompile(`client host|block(ed)? ?(list|using)|blacklisted at|spamhaus|banned sending ip|your (ip|network|host|server)|sending ip|\bptr\b|reverse (dns|lookup)|helo`)
	connectorWords = regexp.MustCompile(`direct ?send`)
	tlsWords       = regexp.MustCompile(`starttls|tls (is )?required`)
	loginWords     = regexp.MustCompile(`authentication (required|failed|unsuccessful)|not authenticated|must (authenticate|log ?in|issue)`)
)

// byWords reads what servers say beside codes that mean many things.
func byWords(r reply) Class {
	switch {
	case strings.Contains(r.text, "resolver.rst.auth"), strings.Contains(r.text, "resolver.rst.sender"):
		return Restricted // Exchange: the recipient takes mail from inside only
	case loopWords.MatchString(r.text):
		return Loop
	case fullWords.MatchString(r.text):
		return Full
	case r.temporary() && greyWords.MatchString(r.text):
		return Other
	case r.temporary() && rateWords.MatchString(r.text):
		return Throttled
	case !r.temporary() || r.code == 454 || r.subject != 7:
		if ours := byUs(r); ours != None {
			return ours
		}
	}
	return byMessage(r)
}

// byUs finds what is the matter with us and not with the message.
func byUs(r reply) Class {
	switch {
	case connectorWords.MatchString(r.text):
		return Connector
	case strings.Contains(r.text, "tenantattribution"):
		return Mismatch
	case blockedWords.MatchString(r.text):
		return Blocked
	case tlsWords.MatchString(r.text):
		return TLS
	case loginWords.MatchString(r.text):
		return Login
	case strings.Contains(r.text, "relay"):
		return Relay
	}
	return None
}

// byMessage reads what is said of the message and whom it is for.
func byMessage(r reply) Class {
	switch {
	case spamWords.MatchString(r.text):
		return Spam
	case formWords.MatchString(r.text):
		return Form
	case r.code == 552 && r.subject < 0, sizeWords.MatchString(r.text):
		return Size
	case r.subject != 7 && whomWords.MatchString(r.text):
		return Recipient
	}
	return None
}

// byRest goes by the code alone.
func byRest(r reply) Class {
	switch {
	case r.code == 421 && !(r.subject == 4 && r.detail == 2): // 4.4.2: the connection was idle or broke; nobody is overloaded
		return Throttled
	case r.temporary() && r.subject == 7 && strings.Contains(r.text, "sender address"):
		return Policy
	case r.code == 432, r.temporary() && r.subject == 7:
		return Throttled
	case r.code == 534, r.code == 538:
		return Login
	case r.code >= 500 && r.code <= 504, r.code == 555:
		return Form
	case r.code == 551 && r.subject < 0, r.code == 553 && r.subject < 0:
		return Recipient
	case r.subject == 7, !r.temporary() && allowWords.MatchString(r.text):
		return Policy
	}
	return None
}
