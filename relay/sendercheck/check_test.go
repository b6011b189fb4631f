package sendercheck_test

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"posthouse/relay/sendercheck"
)

// Each line is a message and what is said of it.
func TestFacts(t *testing.T) {
	whole := signed(t, text, "a.example", "r")
	stranger := good()
	stranger.Client = netip.MustParseAddr("198.51.100.9")
	by := func(from string) sendercheck.Sender { s := good(); s.From = from; return s }
	null := by("")
	inside := good()
	inside.Client = netip.MustParseAddr("10.0.0.9")
	for _, c := range []struct {
		what     string
		sender   sendercheck.Sender
		message  string
		want     string
		unwanted bool
	}{
		{"all passes", good(), whole, "spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example; dmarc=pass (p=reject) header.from=a.example", false},
		{"Ed25519", stranger, signed(t, text, "a.example", "e"), "spf=fail smtp.mailfrom=a.example; dkim=pass header.d=a.example; dmarc=pass (p=reject) header.from=a.example", false},
		{"SPF alone", good(), text, "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=pass (p=reject) header.from=a.example", false},
		{"the signature alone", stranger, whole, "spf=fail smtp.mailfrom=a.example; dkim=pass header.d=a.example; dmarc=pass (p=reject) header.from=a.example", false},
		{"forged", stranger, text, "spf=fail smtp.mailfrom=a.example; dkim=none; dmarc=fail (p=reject) header.from=a.example", true},
		{"changed below the signature", stranger, strings.Replace(whole, "Bob\r\n", "Eve\r\n", 1), "spf=fail smtp.mailfrom=a.example; dkim=fail header.d=a.example; dmarc=fail (p=reject) header.from=a.example", true},
		{"another's signature", stranger, signed(t, text, "b.example", "r"), "spf=fail smtp.mailfrom=a.example; dkim=pass header.d=b.example; dmarc=fail (p=reject) header.from=a.example", true},
		{"two signatures", stranger, signed(t, signed(t, text, "b.example", "r"), "a.example", "r"),
			"spf=fail smtp.mailfrom=a.example; dkim=pass header.d=a.example; dkim=pass header.d=b.example; dmarc=pass (p=reject) header.from=a.example", false},
		{"relaxed alignment", by("x@sub.a.example"), text, "spf=pass smtp.mailfrom=sub.a.example; dkim=none; dmarc=pass (p=reject) header.from=a.example", false},
		{"strict alignment", by("x@sub.strict.example"), from("x@strict.example"), "spf=pass smtp.mailfrom=sub.strict.example; dkim=none; dmarc=fail (p=reject) header.from=strict.example", true},
		{"strict and the same", by("x@strict.example"), from("x@strict.example"), "spf=pass smtp.mailfrom=strict.example; dkim=none; dmarc=pass (p=reject) header.from=strict.example", false},
		{"the policy for subdomains", by("x@b.example"), from("x@sub.a.example"), "spf=none smtp.mailfrom=b.example; dkim=none; dmarc=fail (p=quarantine) header.from=sub.a.example", false},
		{"a part of them", by("x@b.example"), from("x@partly.example"), "spf=none smtp.mailfrom=b.example; dkim=none; dmarc=fail (p=reject) header.from=partly.example", false},
		{"only watched", by("x@b.example"), from("x@watch.example"), "spf=none smtp.mailfrom=b.example; dkim=none; dmarc=fail (p=none) header.from=watch.example", false},
		{"no policy", by("x@soft.example"), from("x@soft.example"), "spf=softfail smtp.mailfrom=soft.example; dkim=none; dmarc=none header.from=soft.example", false},
		{"two policies", by("x@two.example"), from("x@two.example"), "spf=permerror smtp.mailfrom=two.example; dkim=none; dmarc=none header.from=two.example", false},
		{"a bad policy", by("x@b.example"), from("x@bad.example"), "spf=none smtp.mailfrom=b.example; dkim=none; dmarc=permerror header.from=bad.example", false},
		{"DNS fails", by("x@broken.example"), from("x@broken.example"), "spf=temperror smtp.mailfrom=broken.example; dkim=none; dmarc=temperror header.from=broken.example", false},
		{"the key is not known now", stranger, signed(t, from("x@silent.example"), "silent.example", "nokey"),
			"spf=fail smtp.mailfrom=a.example; dkim=permerror header.d=silent.example; dmarc=fail (p=reject) header.from=silent.example", true},
		{"the null sender", null, text, "spf=pass smtp.helo=helo.example; dkim=none; dmarc=fail (p=reject) header.from=a.example", true},
		{"a client inside", inside, whole, "dkim=pass header.d=a.example; dmarc=pass (p=reject) header.from=a.example", false},
		{"a client inside, unsigned", inside, text, "dkim=none", false},
		{"an endless SPF", by("x@loop.example"), text, "spf=permerror smtp.mailfrom=loop.example; dkim=none; dmarc=fail (p=reject) header.from=a.example", true},
		{"two authors of one domain", good(), from("anna@a.example>, <eva@A.Example"), "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=pass (p=reject) header.from=a.example", false},
		{"two authors", good(), from("anna@a.example>, <eva@b.example"), "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=permerror", false},
		{"two From", good(), "From: x@b.example\r\n" + text, "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=permerror", false},
		{"no From", good(), "To: x\r\n\r\n", "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=permerror", false},
		{"an odd name", good(), strings.Replace(text, "Anna", "=?x-unknown?q?=E9?=\r\n\tB", 1), "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=pass (p=reject) header.from=a.example", false},
		{"a name with umlauts", stranger, from("x@müller.example"), "spf=fail smtp.mailfrom=a.example; dkim=none; dmarc=fail (p=reject) header.from=xn--mller-kva.example", true},
		{"no header", good(), "nonsense", "spf=pass smtp.mailfrom=a.example; dkim=neutral", false},
		{"bare line ends", good(), "From: x@a.example\n\nx", "spf=pass smtp.mailfrom=a.example; dkim=neutral", false},
		{"header alone", good(), "From: x@a.example\r\n", "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=pass (p=reject) header.from=a.example", false},
		{"somebody's words", sendercheck.Sender{Client: good().Client, Helo: "x;\r\n y", From: ""}, text, "spf=none; dkim=none; dmarc=fail (p=reject) header.from=a.example", true},
	} {
		f := check(t, c.sender, c.message)
		if f.Known() != (c.want != "dkim=none") {
			t.Errorf("%s: known %v", c.what, f.Known())
		}
		if f.String() != c.want || f.Unwanted() != c.unwanted {
			t.Errorf("%s: %s, unwanted %v\nwant %s, %v", c.what, f, f.Unwanted(), c.want, c.unwanted)
		}
	}
}

// A reader that fails leaves what cannot be known unknown, and nobody behind.
func TestUnreadable(t *testing.T) {
	whole := signed(t, signed(t, text, "b.example", "r"), "a.example", "r")
	broken := io.MultiReader(strings.NewReader(whole[:len(whole)-5]), iotest.ErrReader(errors.New("no")))
	if f := checker(world()).Check(t.Context(), good(), broken); f.String() != "spf=pass smtp.mailfrom=a.example; dkim=temperror; dmarc=pass (p=reject) header.from=a.example" {
		t.Error(f)
	}
}

// The field is whole, in our name, and absent where there is nothing to tell.
func TestField(t *testing.T) {
	const want = "Authentication-Results: mx.ours.example;\r\n\tspf=pass smtp.mailfrom=a.example;\r\n\tdkim=none;\r\n\tdmarc=pass (p=reject) header.from=a.example\r\n"
	f := check(t, good(), text)
	if got := f.Field("mx.ours.example"); got != want {
		t.Errorf("%q", got)
	}
	if got := f.Field("bad name\r\n"); got != "" {
		t.Errorf("%q", got)
	}
	if got := (sendercheck.Facts{}).Field("mx.ours.example"); got != "" {
		t.Errorf("%q", got)
	}
}
