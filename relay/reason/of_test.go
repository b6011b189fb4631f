package reason

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cases are replies as servers give them: code, enhanced code or -, and words.
var cases = []struct {
	reply string
	want  Class
}{
	{"250 2.0.0 ok, no virus found", None},
	{"354 - go ahead", None},

	// Microsoft 365 and Exchange.
	{"552 5.3.4 Message size exceeds fixed maximum message size", Size},
	{"534 5.3.4 Message exceeds fixed maximum size", Size},
	{"550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient", Size},
	{"554 5.6.0 STOREDRV.Deliver; Corrupt message content", Form},
	{"550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA", Form},
	{"550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant", Form},
	{"550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources", Connector},
	{"550 5.7.64 TenantAttribution; Relay Access Denied SMTP", Mismatch},
	{"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", Relay},
	{"530 5.7.57 Client not authenticated to send mail", Login},
	{"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", Login},
	{"535 5.7.3 Authentication unsuccessful", Login},
	{"550 5.7.606 Access denied, banned sending IP [192.0.2.1]; To request removal from this list please visit https://sender.example/", Blocked},
	{"550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message", Blocked},
	{"550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Spamhaus", Blocked},
	{"550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).", Blocked},
	{"550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP", Blocked},
	{"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", Recipient},
	{"550 5.4.1 Recipient address rejected: Access denied. [host 2026]", Recipient},
	{"550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", Recipient},
	{"554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", Full},
	{"452 4.2.2 Mailbox full", Full},
	{"451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714)", Throttled},
	{"451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.", Throttled},
	{"432 4.3.2 STOREDRV; concurrent connections limit exceeded", Throttled},
	{"421 4.3.2 Service not active", Throttled},
	{"451 - Request is throttled. Suggested Backoff Time: 299892 milliseconds", Throttled},
	{"550 5.7.705 Access denied, tenant has exceeded threshold", Throttled},
	{"550 5.7.1 Message rejected as spam by Content Filtering.", Spam},
	{"550 5.7.502 Access denied, banned sender", Spam},
	{"550 5.7.509 Access denied, sending domain partner.example does not pass DMARC verification and has a DMARC policy of reject", Sender},
	{"550 5.7.515 Access denied, sending domain partner.example doesn't meet the required authentication level.", Sender},
	{"550 5.7.23 The message was rejected because of Sender Policy Framework violation", Sender},
	{"550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", Restricted},
	{"550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", Restricted},
	{"550 5.7.520 Access denied, Your organization does not allow external forwarding", Policy},
	{"550 5.1.8 Access denied, bad outbound sender", Policy},
	{"550 5.1.0 Sender denied", Policy},
	{"554 5.4.14 Hop count exceeded - possible mail loop ATTR34", Loop},
	{"554 5.4.6 Too many hops", Loop},
	{"451 4.4.62 Mail sent to the wrong Office 365 region", Relay},
	{"451 4.7.699 Server busy", Throttled},

	// Google.
	{"552 5.3.4 Your message exceeded Google's message size limits.", Size},
	{"550 5.7.1 [192.0.2.1] Messages missing a valid address in From: header, or having no From: header, are not accepted.", Form},
	{"550 5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup", Blocked},
	{"550 5.7.1 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been blocked.", Blocked},
	{"530 5.5.1 Authentication Required.", Login},
	{"534 5.7.9 Application-specific password required.", Login},
	{"550 5.1.1 The email account that you tried to reach does not exist.", Recipient},
	{"550 5.2.1 The email account that you tried to reach is disabled.", Disabled},
	{"552 5.2.2 The email account that you tried to reach is over quota.", Full},
	{"452 4.2.2 The recipient's inbox is out of storage space.", Full},
	{"450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.", Throttled},
	{"421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.", Throttled},
	{"421 4.7.0 Try again later, closing connection.", Throttled},
	{"454 4.7.0 Too many login attempts, please try again later.", Throttled},
	{"550 5.4.5 Daily user sending limit exceeded.", Throttled},
	{"552 5.7.0 This message was blocked because its content presents a potential security issue.", Attachment},
	{"550 5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail.", Spam},
	{"421 4.7.0 This message is suspicious due to the nature of the content and/or the links within.", Spam},
	{"550 5.7.26 Unauthenticated email from partner.example is not accepted due to domain's DMARC policy.", Sender},
	{"421 4.7.26 This mail has been rate limited because it is unauthenticated.", Sender},
	{"550 5.7.1 The message was rejected by a policy of the recipient domain.", Policy},

	// Postfix, Exim and others.
	{"552 - message size limit exceeded", Size},
	{"523 - the message is larger than we take", Size},
	{"500 5.5.2 Error: bad syntax", Form},
	{"555 - unsupported option", Form},
	{"550 5.6.1 message contains a bare LF", Form},
	{"554 5.7.1 <a@b.example>: Relay access denied", Relay},
	{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.dnsbl.example", Blocked},
	{"550 5.7.1 <pc.local>: Helo command rejected: need fully-qualified hostname", Blocked},
	{"530 5.7.0 Must issue a STARTTLS command first", TLS},
	{"550 5.1.1 <old@example.com>: Recipient address rejected: User unknown in virtual mailbox table", Recipient},
	{"550 - no such user", Recipient},
	{"553 - sorry, that domain isn't in my list of allowed rcpthosts", Recipient},
	{"450 4.7.1 Client host rejected: cannot find your hostname", Throttled},
	{"554 5.7.1 Spam message rejected", Spam},
	{"550 - This message was classified as SPAM and may not be delivered", Spam},
	{"550 5.6.0 spam content", Spam},
	{"554 5.7.1 virus Eicar-Signature detected", Virus},
	{"550 5.6.0 message contains malware", Virus},
	{"554 5.7.1 attachment of type .exe rejected", Attachment},
	{"550 5.7.1 SPF check failed", Sender},
	{"450 4.7.1 <x@gone.example>: Sender address rejected: domain not found", Policy},
	{"550 5.7.1 no", Policy},
	{"550 - administrative prohibition", Policy},
	{"550 5.7.1 see https://www.spamhaus.org/query/ip/192.0.2.1", Blocked},
	{"530 5.5.1 Must issue a STARTTLS command first", TLS},
	{"504 5.7.4 Unrecognized authentication type", Login},
	{"554 5.4.0 mail loop detected", Loop},
	{"554 - no", Other},
	{"554 - host 10.5.7.68 says no, version 15.7.68.2", Other},
	{"550 5.7.1 refused by a transport rule", Policy},

	// What says nothing, or means anything, is temporary.
	{"451 4.3.0 try later", Other},
	{"421 4.4.2 idle timeout", Other},
	{"450 4.7.1 Greylisted for 300 seconds", Other},
	{"452 4.5.3 too many recipients", Other},
	{"452 4.3.1 out of disk", Other},
	{"554 5.0.0 transaction failed", Other},
	{"550 - no", Other},
	{"599 x.y.z what", Other},
}

func parse(t *testing.T, reply string) (code int, enhanced, text string) {
	t.Helper()
	first, rest, _ := strings.Cut(reply, " ")
	enhanced, text, _ = strings.Cut(rest, " ")
	code, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return code, strings.TrimPrefix(enhanced, "-"), text
}

func TestOf(t *testing.T) {
	for _, c := range cases {
		if got := Of(parse(t, c.reply)); got != c.want {
			t.Errorf("%s: %q, want %q", c.reply, got, c.want)
		}
	}
}

// texts are what else is said of deliveries, by IMAP servers and by us.
var texts = map[string]Class{
	"552 5.3.4 Message size exceeds fixed maximum message size": Size,
	"550 no such user": Recipient,
	"550":              Other,
	"250 2.0.0 ok":     None,
	"NO Request is throttled. Suggested Backoff Time: 28000 milliseconds":              Throttled,
	"larger than the next hop takes (26214400 octets)":                                 Size,
	"8-bit text and no 8BITMIME":                                                       Form,
	"bare CR or LF and no CHUNKING":                                                    Form,
	"address cannot be written in a command":                                           Form,
	"dial tcp 192.0.2.1:25: connect: connection refused":                               Unreachable,
	"tls: failed to verify certificate: x509: certificate signed by unknown authority": TLS,
	"no destination of this name in the configuration":                                 NoDestination,
	"5501 is no reply":   None,
	"something happened": None,
	"":                   None,
}

func TestText(t *testing.T) {
	for said, want := range texts {
		if got := Text(said); got != want {
			t.Errorf("%s: %q, want %q", said, got, want)
		}
	}
}

// TestNeverByAnotherWay: what is refused for content or sender is put into no mailbox by another way, and only spam and viruses are kept without an alarm.
func TestNeverByAnotherWay(t *testing.T) {
	rescue := []Class{Connector, Mismatch, Blocked, Login, TLS, Relay, Size, Form, Throttled}
	for _, class := range append(All(), None) {
		if class.Rescue() != slices.Contains(rescue, class) || class.Quiet() != (class == Spam || class == Virus) {
			t.Errorf("%q: rescue %v, quiet %v", class, class.Rescue(), class.Quiet())
		}
	}
}

// TestWords: each class has a name that can be typed, and says what is the matter and what helps.
func TestWords(t *testing.T) {
	seen := map[Class]bool{None: true}
	for _, class := range All() {
		if seen[class] || strings.Trim(string(class), "abcdefghijklmnopqrstuvwxyz-") != "" || class.What() == "" || class.Remedy() == "" {
			t.Errorf("%q: %q, %q", class, class.What(), class.Remedy())
		}
		seen[class] = true
	}
	for _, c := range cases {
		if !seen[c.want] {
			t.Errorf("%q has no words", c.want)
		}
	}
	if none := Class("none"); none.What() != "" || None.Remedy() != "" {
		t.Error("words of no class")
	}
}

func FuzzOf(f *testing.F) {
	for _, c := range cases {
		first, rest, _ := strings.Cut(c.reply, " ")
		enhanced, text, _ := strings.Cut(rest, " ")
		code, _ := strconv.Atoi(first)
		f.Add(code, enhanced, text)
	}
	f.Fuzz(func(t *testing.T, code int, enhanced, text string) {
		if got := Of(code, enhanced, text); (got == None) != (code/100 != 4 && code/100 != 5) {
			t.Errorf("%d %s %s: %q", code, enhanced, text, got)
		}
	})
}
