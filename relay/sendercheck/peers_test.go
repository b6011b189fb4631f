package sendercheck_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"posthouse/relay/sendercheck"
	"posthouse/test/neighbour"
)

// Another implementation finds the same signatures good, and the same bad.
func TestPeerAgrees(t *testing.T) {
	z := map[string]string{}
	for name, records := range world().txt {
		z[name] = records[0]
	}
	whole := signed(t, text, "a.example", "r")
	messages := map[string]string{
		"whole": whole, "Ed25519": signed(t, text, "a.example", "e"), "no key": signed(t, text, "a.example", "nokey"), "behind a field": "Received: from x by y; z\r\n" + whole,
		"body":    strings.Replace(whole, "Hello", "Hullo", 1),
		"subject": strings.Replace(whole, "Subject: hello", "Subject: hullo", 1),
		"space":   strings.Replace(whole, "Subject: hello", "Subject:  hello ", 1), "lines at the end": whole + "\r\n\r\n", "more": whole + "x\r\n",
	}
	said := neighbour.DKIMPy(t, z).Verify(messages)
	for name, message := range messages {
		ours := check(t, good(), message).DKIM
		if len(ours) != 1 || (ours[0].Result == sendercheck.Pass) != (said[name].DKIM == "pass") {
			t.Errorf("%s: we say %v, another %s (%s)", name, ours, said[name].DKIM, said[name].Reason)
		}
	}
}

// senders publish what another implementation reads as we do. Their domains are below suffixes that everybody knows.
func senders() *zone {
	const hosts = "v=spf1 ip4:192.0.2.0/24 -all"
	z := &zone{txt: map[string][]string{
		"example.com": {hosts}, "sub.example.com": {hosts}, "example.org": {hosts}, "sub.example.org": {hosts},
		"example.net": {"v=spf1 ?all"}, "soft.example.net": {"v=spf1 ~all"}, "loop.example.net": {"v=spf1 include:loop.example.net -all"}, "two.example.net": {hosts, hosts},
		"_dmarc.example.com": {"v=DMARC1; p=reject; sp=quarantine"}, "_dmarc.example.org": {"v=DMARC1; p=reject; aspf=s; adkim=s"}, "_dmarc.example.net": {"v=DMARC1; p=none"},
	}}
	for _, d := range []string{"example.com", "sub.example.com", "example.org", "sub.example.org", "example.edu"} {
		z.txt["r._domainkey."+d] = []string{rsaRecord()}
	}
	return z
}

// Another implementation says the same of senders, whichever of their names are aligned with the author's.
func TestPeerAgreesOnSenders(t *testing.T) {
	z, sent := senders(), map[string]neighbour.Sent{}
	for _, author := range []string{"example.com", "sub.example.com", "example.org", "example.net", "example.edu"} {
		for _, by := range []string{"example.com", "sub.example.com", "example.org", "sub.example.org", "example.edu", "soft.example.net", "loop.example.net", "two.example.net"} {
			for _, signer := range []string{"", "sub.example.com", "sub.example.org", "example.edu"} {
				message := from("x@" + author)
				if signer != "" {
					message = signed(t, message, signer, "r")
				}
				name := fmt.Sprintf("from %s by %s signed %s", author, by, signer)
				sent[name] = neighbour.Sent{Client: []string{"192.0.2.1", "198.51.100.9"}[len(sent)%2], Helo: "helo.example.net", From: "x@" + by, Message: message}
			}
		}
	}
	said := neighbour.AuthHeaders(t, z.txt).Judge(sent)
	for name, m := range sent {
		f := checker(z).Check(t.Context(), sendercheck.Sender{Client: netip.MustParseAddr(m.Client), Helo: m.Helo, From: m.From}, reader(m.Message))
		ours := neighbour.Judged{SPF: string(f.SPF), DKIM: string(f.DKIM[0].Result), DMARC: string(f.DMARC)}
		if ours != said[name] {
			t.Errorf("%s: we say %+v, another %+v", name, ours, said[name])
		}
	}
}
