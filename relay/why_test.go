package relay_test

import (
	"testing"
	"time"

	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

func TestWhy(t *testing.T) {
	declined := func(reply string) ledger.Delivery {
		return ledger.Delivery{State: ledger.Held, Attempts: 1, Reason: "cloud:smtp declined it: " + reply, Reply: reply}
	}
	later := func(reply string) ledger.Delivery {
		return ledger.Delivery{State: ledger.Due, Attempts: 1, Reply: reply, Since: time.Unix(9, 0)}
	}
	of := func(d ledger.Delivery, class reason.Class) ledger.Delivery {
		d.Class = string(class)
		return d
	}
	for _, c := range []struct {
		d    ledger.Delivery
		want reason.Class
	}{
		// Microsoft 365
		{declined("550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources"), "connector"},
		{declined("550 5.7.64 TenantAttribution; Relay Access Denied"), "connector-mismatch"},
		{later("451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)"), "throttled"},
		{later("451 4.7.699 Server busy"), "throttled"},
		{later("451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation"), "throttled"},
		{later("451 4.7.700 something else"), "throttled"},
		{later("NO Request is throttled. Suggested Backoff Time: 28000 milliseconds"), "throttled"},
		{declined("550 5.7.606 Access denied, banned sending IP [192.0.2.1]"), "blocked"},
		{declined("550 5.7.515 Access denied, sending domain does not meet the required authentication level"), "sender-check"},
		{declined("535 5.7.139 Authentication unsuccessful, basic authentication is disabled"), "login"},
		{declined("530 5.7.57 Client not authenticated to send mail"), "login"},
		{declined("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"), "no-mailbox"},
		{declined("550 5.4.1 Recipient address rejected: Access denied"), "no-mailbox"},
		{declined("550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient"), "too-large"},
		{declined("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"), "full"},
		{declined("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup"), "restricted"},
		{declined("554 5.4.14 Hop count exceeded - possible mail loop ATTR34"), "loop"},
		{declined("550 5.7.54 SMTP; unable to relay recipient in non-accepted domain"), "no-relay"},
		// Google Workspace
		{declined("550 5.1.1 The email account that you tried to reach does not exist."), "no-mailbox"},
		{declined("550 5.2.1 The email account that you tried to reach is disabled."), "disabled"},
		{later("452 4.2.2 The recipient's inbox is out of storage space."), "full"},
		{later("450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages"), "throttled"},
		{declined("550 5.4.5 Daily user sending limit exceeded."), "throttled"},
		{declined("550 5.7.26 This mail has been blocked because the sender is unauthenticated."), "sender-check"},
		{declined("552 5.3.4 Your message exceeded Google's message size limits."), "too-large"},
		{declined("552 5.7.0 This message was blocked because its content presents a potential security issue."), "attachment"},
		{declined("550 5.7.1 Our system has detected that this message is likely unsolicited mail."), "spam"},
		{later("421 4.7.28 Our system has detected an unusual rate of unsolicited mail"), "throttled"},
		// others
		{declined("554 5.7.1 <x@example.org>: Relay access denied"), "no-relay"},
		{declined("550 5.7.1 refused by a transport rule"), "policy"},
		{declined("larger than the next hop takes (26214400 octets)"), "too-large"},
		{declined("8-bit text and no 8BITMIME"), "unfit"},
		{declined("bare CR or LF and no CHUNKING"), "unfit"},
		{declined("554 no"), "other"},
		{later("dial tcp 192.0.2.1:25: connect: connection refused"), "unreachable"},
		{later("tls: failed to verify certificate: x509: certificate signed by unknown authority"), "tls"},
		{later("451 4.3.0 later"), "waiting"},
		{later("no destination of this name in the configuration"), "no-destination"},
		// what was told when it was refused
		{of(declined("554 no"), reason.Spam), "spam"},
		{of(declined("552 5.3.4 too big; into the mailbox: NO [OVERQUOTA]"), reason.Size), "too-large"},
		{of(later("451 4.3.0 later"), reason.Other), "waiting"},
		{of(later("something"), reason.Full), "full"},
		{ledger.Delivery{State: ledger.Quiet, Attempts: 1, Reason: "cloud:smtp declined it: 554 no", Reply: "554 no", Class: "virus"}, "virus"},
		// our own words
		{ledger.Delivery{State: ledger.Due}, "waiting"},
		{ledger.Delivery{State: ledger.Due, Attempts: 1, Reply: "550 5.1.1 no such user", Since: time.Unix(9, 0), Released: time.Unix(9, 0)}, "waiting"},
		{ledger.Delivery{State: ledger.Due, Attempts: 1, Reply: "452 4.2.2 over quota", Since: time.Unix(10, 0), Released: time.Unix(9, 0)}, "full"},
		{ledger.Delivery{State: ledger.InDoubt, Reply: "connection reset"}, "doubt"},
		{ledger.Delivery{State: ledger.Held, Reason: "may or may not have arrived: its reply was lost", Reply: "i/o timeout"}, "doubt"},
		{ledger.Delivery{State: ledger.Held, Reason: "held by root: 550 5.1.1", Reply: "451 4.3.0"}, "by-hand"},
		{ledger.Delivery{State: ledger.Held, Reason: "no mailbox takes mail for postmaster@example.com: name one"}, "nowhere"},
		{ledger.Delivery{State: ledger.Held, Reason: "x@y.example is outside our domains and no cloud server sends there: deliver it by hand"}, "outside"},
		{ledger.Delivery{State: ledger.Held, Reason: "returns to x@y.example, whose mail we forwarded, and no cloud server sends outside: deliver it by hand"}, "outside"},
		{ledger.Delivery{State: ledger.Held, Reason: "goes round: 51 Received lines, between \"a\" and \"b\""}, "loop"},
		{ledger.Delivery{State: ledger.Held, Reason: "the cloud sent mail for x@example.com to us"}, "unknown-there"},
		{ledger.Delivery{State: ledger.Held, Attempts: 30, Reason: "not accepted by cloud:smtp for 120h0m0s: 451 4.3.0 later", Reply: "451 4.3.0 later"}, "too-long"},
		{ledger.Delivery{State: ledger.Held, Attempts: 30, Reason: "not accepted by cloud:smtp for 120h0m0s: 452 4.2.2 over quota", Reply: "452 4.2.2 over quota"}, "full"},
		// what only looks like a code
		{declined("554 host 10.5.7.68 says no, version 15.7.68.2"), "other"},
	} {
		if got := relay.Why(c.d); got != c.want || got.What() == "" {
			t.Errorf("%s %q %q: %s, want %s", c.d.State, c.d.Reason, c.d.Reply, got, c.want)
		}
	}
}
