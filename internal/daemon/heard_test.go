package daemon

import (
	"errors"
	"testing"

	"posthouse/relay/callout"
	"posthouse/relay/delivery"
)

// TestHeard: only that there is no such recipient is a no.
func TestHeard(t *testing.T) {
	for _, tt := range []struct {
		code           int
		enhanced, text string
		want           callout.Answer
	}{
		{250, "2.1.5", "Ok", callout.Yes},
		{251, "", "User not local; will forward", callout.Yes},
		{550, "5.1.1", "<x@example.com>: Recipient address rejected: User unknown in local recipient table", callout.No}, // Postfix
		{550, "", "Unrouteable address", callout.No},                                                              // Exim
		{550, "5.1.1", "User doesn't exist: x@example.com", callout.No},                                           // Dovecot by LMTP
		{550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", callout.No}, // Exchange
		{550, "5.4.1", "Recipient address rejected: Access denied", callout.No},                                   // Microsoft 365
		{550, "5.1.1", "The email account that you tried to reach does not exist.", callout.No},                   // Google
		{450, "4.2.0", "Recipient address rejected: Greylisted", callout.Later},
		{450, "4.1.1", "Recipient address rejected: unverified address", callout.Later},
		{451, "4.3.0", "Temporary lookup failure", callout.Later},
		{452, "4.2.2", "Mailbox full", callout.Yes},
		{552, "5.2.2", "Mailbox full", callout.Yes},
		{550, "5.7.1", "Relaying denied", callout.Later},
		{553, "", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", callout.Later}, // qmail: every address of the domain
		{550, "5.1.2", "Bad destination system address", callout.Later},
		{551, "", "User not local; please try <x@elsewhere.example>", callout.Later},
		{553, "5.1.1", "No such user", callout.No},
		{554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", callout.Later},
		{530, "5.7.0", "Must issue a STARTTLS command first", callout.Later},
		{550, "5.7.133", "RESOLVER.RST.SenderNotAuthenticatedForGroup", callout.Later},
		{550, "", "no", callout.Later},
	} {
		r := delivery.Reply{Code: tt.code, Enhanced: tt.enhanced, Text: tt.text}
		if got := heard(r, nil); got.Answer != tt.want || got.Down || (tt.want == callout.Later) != (got.Said != "") {
			t.Errorf("%s: %+v, want %s", r, got, tt.want)
		}
	}
	if got := heard(delivery.Reply{}, &delivery.SessionError{Err: errors.New("gone")}); got.Answer != callout.Later || !got.Down {
		t.Errorf("%+v", got)
	}
	if got := heard(delivery.Reply{}, &delivery.Unfit{}); got.Answer != callout.Later || got.Down {
		t.Errorf("%+v", got)
	}
}
