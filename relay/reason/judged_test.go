package reason

import "testing"

// beside are refusals whose code, or a word of them, is of us, of size or of form, and which are about content or sender all the same.
var beside = []string{
	"554 5.7.1 Service unavailable; Sender address [x@partner.example] blocked using dbl.spamhaus.org",
	"450 4.7.1 Sender domain listed in your host block list",
	"550 - Administrative prohibition - envelope sender blocked using list",
	"501 5.7.1 <x@partner.example>: Sender address rejected",
	"501 - sender address rejected: domain does not resolve",
	"554 5.7.1 Forged From: header",
	"550 5.7.1 From: header does not match envelope (spoofing)",
	"550 - Message headers violate rfc 5322: forged sender",
	"550 5.7.1 Sender must authenticate: domain requires signed mail",
	"550 5.7.1 Message contains a URL listed at dbl.spamhaus.org",
	"550 - URL in this message listed in Spamhaus DBL",
	"552 - Message rejected due to content policy",
	"552 - Blocked: message content rejected",
	"552 - This message was rejected by our security rules",
	"552 5.2.3 message content blocked",
	"550 5.6.0 prohibited content",
	"554 5.6.0 message content rejected by policy",
	"550 5.6.1 content not allowed here",
	"501 5.7.1 Message rejected by policy",
	"503 5.7.1 denied by policy",
	"500 - message denied by policy",
	"554 5.7.9 Message not accepted for policy reasons",
	"550 5.7.1 Message from your server was classified as spam",
	"554 5.7.1 Your message looks like SPAM, your host has been notified",
	"554 - rejected: message identified as spam, block list S25",
	"550 5.7.1 Your email was rejected: relay of spam",
	"550 5.7.1 Message rejected: macro in document, relay",
	"451 4.7.1 Temporarily rejected: suspicious message, rate limit",
}

// TestJudged: where the words speak of content or sender beside something that the mailbox would be tried for, neither happens: it goes into no mailbox, and does not vanish among spam.
func TestJudged(t *testing.T) {
	for _, said := range beside {
		if got := Of(parse(t, said)); got != Policy {
			t.Errorf("%s: %q, want %q", said, got, Policy)
		}
	}
}

// TestNotJudged: words of the same kind that are about us, or about size and form.
func TestNotJudged(t *testing.T) {
	for said, want := range map[string]Class{
		"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; see https://www.spamcop.net/w3m?192.0.2.1": Blocked,
		"554 5.7.1 Service unavailable; Helo command [host.example] blocked using dbl.spamhaus.org":                                      Blocked,
		"550 5.7.513 Service unavailable, Client host [192.0.2.1] blocked by example.com using Customer Block list":                      Blocked,
		"501 5.1.7 Bad sender address syntax":                                                                        Form,
		"552 - message exceeds the size that our policy allows":                                                      Size,
		"550 5.7.1 Message blocked: the size of the message exceeds":                                                 Size,
		"530 5.7.1 Authentication required by policy":                                                                Login,
		"550 5.6.0 Lone CR or LF in headers":                                                                         Form,
		"421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints": Throttled,
	} {
		if got := Of(parse(t, said)); got != want {
			t.Errorf("%s: %q, want %q", said, got, want)
		}
	}
}
