package sendercheck_test

import (
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
