package cutover_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
)

const plain = "Message-ID: <1@example.com>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: anna@example.com\r\nTo: carl@other.example\r\nSubject: hello there\r\n\r\n"

func identity(header string) cutover.Identity { return cutover.IdentityOf([]byte(header)) }

// with is the plain header with one field's line replaced.
func with(field, line string) string {
	_, rest, _ := strings.Cut(plain, field+": ")
	value, _, _ := strings.Cut(rest, "\r\n")
	return strings.Replace(plain, field+": "+value+"\r\n", line, 1)
}

// What servers change on the way leaves the identity as it is.
func TestSameIdentity(t *testing.T) {
	want := identity(plain)
	if want.Key.IsZero() || want.Match() != want.Key || want.MessageID != "<1@example.com>" || want.Trace != "" {
		t.Fatalf("identity %+v", want)
	}
	for name, header := range map[string]string{
		"LF only":                   strings.ReplaceAll(plain, "\r\n", "\n"),
		"no empty line":             strings.TrimSuffix(plain, "\r\n"),
		"no last line end":          strings.TrimSuffix(plain, "\r\n\r\n"),
		"body after it":             plain + "Message-ID: <2@example.com>\r\n",
		"names in other case":       strings.NewReplacer("Message-ID", "MESSAGE-id", "Date", "DATE", "From", "from").Replace(plain),
		"blanks before the colon":   strings.NewReplacer("Message-ID:", "Message-ID :", "From:", "From \t:").Replace(plain),
		"no blank after the colon":  strings.ReplaceAll(plain, ": ", ":"),
		"blanks at the end":         strings.ReplaceAll(plain, "\r\n", " \t\r\n"),
		"fields before":             "Received: from a by b;\r\n\tMon, 23 Nov 2026 10:00:01 +0000\r\nX-Spam: no\r\n" + plain,
		"mbox line":                 "From anna@example.com Mon Nov 23 10:00:00 2026\n" + plain,
		"line without a colon":      "nonsense\r\n" + plain,
		"other order":               "Subject: hello there\r\n" + with("Subject", ""),
		"folded ID":                 with("Message-ID", "Message-ID:\r\n <1@example.com>\r\n"),
		"folded by tab":             with("Subject", "Subject: hello\r\n\tthere\r\n"),
		"folded with blanks":        with("Subject", "Subject: hello \r\n   there\r\n"),
		"second ID":                 with("Message-ID", "Message-ID: <1@example.com>\r\nMessage-ID: <2@example.com>\r\n"),
		"second From":               with("From", "From: anna@example.com\r\nFrom: eve@example.com\r\n eve@other.example\r\n"),
		"date in another zone":      with("Date", "Date: Mon, 23 Nov 2026 12:00:00 +0200\r\n"),
		"date with a comment":       with("Date", "Date: Mon, 23 Nov 2026 11:00:00 +0100 (CET)\r\n"),
		"date without a weekday":    with("Date", "Date: 23 Nov 2026 10:00:00 GMT\r\n"),
		"date with a named zone":    with("Date", "Date: Mon, 23 Nov 2026 05:00:00 EST\r\n"),
		"date with an unknown zone": with("Date", "Date: Mon, 23 Nov 2026 10:00:00 CEST\r\n"),
		"date with a military zone": with("Date", "Date: Mon, 23 Nov 2026 10:00:00 Z\r\n"),
		"folded date":               with("Date", "Date: Mon, 23 Nov 2026\r\n 10:00:00 +0000\r\n"),
		"From with a name":          with("From", "From: Anna Berg <Anna@Example.com>\r\n"),
		"From with a quoted name":   with("From", "From: \"Berg, Anna\" <anna@example.com>\r\n"),
		"From with an encoded name": with("From", "From: =?utf-8?q?Anna_B=C3=A9rg?= <anna@example.com>\r\n"),
		"From in another charset":   with("From", "From: =?windows-1252?q?Anna_B=E9rg?= <anna@example.com>\r\n"),
		"From in an unknown one":    with("From", "From: =?x-none?b?QW5uYQ==?= <anna@example.com>\r\n"),
		"From with a comment":       with("From", "From: anna@example.com (Anna)\r\n"),
		"From as a group":           with("From", "From: staff: anna@example.com;\r\n"),
		"trace":                     cutover.TraceField + ": x.y\r\n" + plain,
	} {
		got := identity(header)
		got.Trace = ""
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestOtherIdentity(t *testing.T) {
	want := identity(plain)
	for name, test := range map[string]struct {
		header     string
		key, loose bool // whether it is still the same
	}{
		"another ID":         {with("Message-ID", "Message-ID: <2@example.com>\r\n"), false, true},
		"ID in other case":   {with("Message-ID", "Message-ID: <1@EXAMPLE.com>\r\n"), false, true},
		"a second later":     {with("Date", "Date: Mon, 23 Nov 2026 10:00:01 +0000\r\n"), false, false},
		"malformed date":     {with("Date", "Date: yesterday\r\n"), false, false},
		"another sender":     {with("From", "From: eve@example.com\r\n"), false, false},
		"two senders":        {with("From", "From: anna@example.com, eve@example.com\r\n"), false, false},
		"malformed sender":   {with("From", "From: anna at example.com\r\n"), false, false},
		"no sender":          {with("From", ""), false, false},
		"another recipient":  {with("To", "To: eve@example.com\r\n"), true, false},
		"another subject":    {with("Subject", "Subject: [EXTERNAL] hello there\r\n"), true, false},
		"header ends before": {"\r\n" + plain, false, false},
	} {
		got := identity(test.header)
		if (got.Key == want.Key) != test.key || (got.Loose == want.Loose) != test.loose {
			t.Errorf("%s: same key %v, same loose key %v", name, got.Key == want.Key, got.Loose == want.Loose)
		}
	}
}

func TestIdentityWithoutKey(t *testing.T) {
	for name, header := range map[string]string{
		"no ID":          with("Message-ID", ""),
		"empty ID":       with("Message-ID", "Message-ID: \r\n"),
		"empty first ID": with("Message-ID", "Message-ID:\r\nMessage-ID: <1@example.com>\r\n"),
		"no date":        with("Date", ""),
		"empty date":     with("Date", "Date:\r\n"),
		"neither":        "From: anna@example.com\r\n\r\n",
		"nothing":        "",
		"an empty line":  "\r\n",
		"garbage":        "\x00\xff\r\r\n:\n : \n",
	} {
		if id := identity(header); !id.Key.IsZero() || id.Loose.IsZero() || id.Match() != id.Loose {
			t.Errorf("%s: %+v, want only a loose key", name, id)
		}
	}
	if identity(with("Message-ID", "")).Loose != identity(plain).Loose {
		t.Error("an invented Message-ID changes the loose key")
	}
}

func TestMalformedFieldsStillIdentify(t *testing.T) {
	header := "Message-ID: no brackets\r\nDate: some day\r\nFrom: anna at home <\r\n\r\n"
	refolded := "Message-ID: no\r\n brackets\r\nDate: some\r\n\tday\r\nFrom:  anna at\r\n home <\r\n\r\n"
	if id := identity(header); id.Key.IsZero() || id != identity(refolded) {
		t.Errorf("%+v and refolded %+v", id, identity(refolded))
	}
	if identity(header).Key == identity(strings.Replace(header, "some day", "another day", 1)).Key {
		t.Error("malformed dates do not count")
	}
}

// Cyrus puts an X for every octet above 127 in header fields.
func TestCopiesWithoutTheEighthBit(t *testing.T) {
	for name, header := range map[string]string{
		"Message-ID": with("Message-ID", "Message-ID: <caf\xe9@example.com>\r\n"),
		"Latin-1":    with("From", "From: J\xfcrgen <anna@example.com>\r\n"),
		"UTF-8":      with("From", "From: \"J\u00fcrgen\" <j\u00fcrgen@example.com>\r\n"),
		"To":         with("To", "To: J\xfcrgen\r\n"),
		"Subject":    with("Subject", "Subject: Gr\xfc\xdfe\r\n"),
	} {
		munged := []byte(header)
		for i, c := range munged {
			if c > 127 {
				munged[i] = 'X'
			}
		}
		was, is := identity(header), identity(string(munged))
		if was.Key != is.Key || was.Loose != is.Loose || was.Key.IsZero() {
			t.Errorf("%s: %+v, without the eighth bit %+v", name, was, is)
		}
		if name == "Message-ID" && was.MessageID != "<caf\xe9@example.com>" {
			t.Errorf("the Message-ID to ask for is %q", was.MessageID)
		}
	}
}

// The zone of the machine has no say: a ledger may be read on another one.
func TestIdentityIsTheSameOnEveryMachine(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	header := with("Date", "Date: Mon, 23 Nov 2026 10:00:00 XST\r\n")
	time.Local = time.UTC
	want := identity(header)
	time.Local = time.FixedZone("XST", 3600)
	if got := identity(header); got != want {
		t.Errorf("%+v where XST is the local zone, %+v elsewhere", got, want)
	}
}

// A header of one endlessly folded field costs memory in proportion to its length.
func TestHugeHeader(t *testing.T) {
	header := []byte("To: a@example.com\r\n" + strings.Repeat(" ,b@example.com\r\n", 16_000) + plain)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	id := cutover.IdentityOf(header)
	runtime.ReadMemStats(&after)
	if id.Key != identity(plain).Key {
		t.Error("the fields after a huge one do not count")
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 100*uint64(len(header)) {
		t.Errorf("%d octets allocated for a header of %d", spent, len(header))
	}
}

func TestAddressOrderDoesNotCount(t *testing.T) {
	header := func(list ...string) string {
		return with("From", fmt.Sprintf("From: %s\r\n", strings.Join(list, ", ")))
	}
	if identity(header("a@x.example", "b@x.example")) != identity(header("B <b@x.example>", "A@X.example")) {
		t.Error("the order of senders counts")
	}
}
