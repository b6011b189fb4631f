package arc_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthouse/relay/arc"
	"posthouse/test/neighbour"
)

// peers are implementations that are not ours. Neither knows Ed25519 in ARC.
func peers(t *testing.T, f func(t *testing.T, peer *neighbour.Signatures)) {
	t.Run("python3-dkim", func(t *testing.T) { f(t, neighbour.DKIMPy(t, dns())) })
	t.Run("libmail-dkim-perl", func(t *testing.T) { f(t, neighbour.MailDKIM(t, dns())) })
}

// expect demands what a peer says of each message: its chain, and its DKIM signature where there is one.
func expect(t *testing.T, peer *neighbour.Signatures, messages map[string]string, chain, signature string) {
	t.Helper()
	said := peer.Verify(messages)
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		v := said[name]
		if v.ARC != chain || signature != "" && v.DKIM != signature {
			t.Errorf("%s: ARC %s (%s), DKIM %s; want %s, %s", name, v.ARC, v.Reason, v.DKIM, chain, signature)
		}
	}
}

// Others find our chains of one, two and three sets whole, whatever the message; the sender's DKIM signature still verifies below them.
func TestPeersVerify(t *testing.T) {
	peers(t, func(t *testing.T, peer *neighbour.Signatures) {
		messages := map[string]string{}
		for name, message := range odd() {
			if name == "other's signature" {
				continue // it never verified
			}
			at := "Received: from a by one.example\r\n" + signDKIM(t, message)
			for i, domain := range []string{"one.example", "two.example", "one.example"} {
				at = seal(t, sealer(t, domain, "rsa"), at)
				messages[fmt.Sprintf("%s, %d sets", name, i+1)] = at
			}
		}
		expect(t, peer, messages, "pass", "pass")
	})
}

// signDKIM puts the sender's signature before a message.
func signDKIM(t *testing.T, message string) string {
	t.Helper()
	var b strings.Builder
	err := dkim.Sign(&b, strings.NewReader(message), &dkim.SignOptions{
		Domain: "sender.example", Selector: "r", Signer: keys()["rsa"], HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: []string{"From", "To", "Subject", "Date"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// And they find the same changes as we do.
func TestPeersSeeChanges(t *testing.T) {
	peers(t, func(t *testing.T, peer *neighbour.Signatures) {
		two := seal(t, sealer(t, "two.example", "rsa"), seal(t, sealer(t, "one.example", "rsa"), plain))
		messages := map[string]string{
			"body": strings.Replace(two, "Hello Bob", "Hello Eve", 1), "subject": strings.Replace(two, "Subject: hello", "Subject: other", 1),
			"results of the first": replaceLast(two, "spf=pass", "spf=fail"), "results of the newest": strings.Replace(two, "spf=pass", "spf=fail", 1),
		}
		expect(t, peer, messages, "fail", "")
		for name, message := range messages {
			if c := validate(t, message); c.State != arc.Fail {
				t.Errorf("%s: we say %+v", name, c)
			}
			messages[name] = seal(t, sealer(t, "three.example", "rsa"), message)
		}
		expect(t, peer, messages, "fail", "") // cv=fail
	})
}

// A chain that another implementation began is whole for us, and stays whole for all when we continue it.
func TestChainsOfPeers(t *testing.T) {
	perl := neighbour.MailDKIM(t, dns())
	octets := x509.MarshalPKCS1PrivateKey(keys()["rsa"].(*rsa.PrivateKey))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: octets}))
	continued := map[string]string{}
	for name, message := range odd() {
		if len(message) > 100000 {
			continue
		}
		first := perl.Seal("Authentication-Results: mx.one.example; spf=pass smtp.mailfrom=sender.example\r\n"+message, "one.example", "r", "mx.one.example", key)
		if c := validate(t, first); c.State != arc.Pass || c.Sets != 1 {
			t.Errorf("%s: we say %+v of\n%s", name, c, first)
			continue
		}
		continued[name] = seal(t, sealer(t, "two.example", "rsa"), first)
	}
	peers(t, func(t *testing.T, peer *neighbour.Signatures) { expect(t, peer, continued, "pass", "") })
}
