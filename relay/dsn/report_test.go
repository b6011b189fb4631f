package dsn

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func sample() Report {
	return Report{
		ID: "01JD9F3K7Q", MTA: "mail.example.com", From: "postmaster@example.com", To: "anna@partner.example", At: noon, Action: Failed, Status: "5.2.2", Why: "the mailbox is full",
		Signature: "Example Ltd", Recipient: "bob@example.com", ORcpt: "rfc822;bob+x@example.com", EnvelopeID: "id 7", Arrived: noon.Add(-time.Hour), MessageID: "<1@partner.example>",
	}
}

const original = "From: <anna@partner.example>\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n folded\r\n\r\nThe body, 8 bit: \xe4\r\n"

// read takes a notification apart, by readers that are not ours.
func read(t *testing.T, r Report, whole bool) (mail.Header, []string, []textproto.MIMEHeader) {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b, strings.NewReader(original), whole); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ReplaceAll(b.String(), "\r\n", ""), "\n") || !strings.HasSuffix(b.String(), "\r\n") {
		t.Error("bare line ends")
	}
	m, err := mail.ReadMessage(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("%s %v, %v", kind, params, err)
	}
	var texts []string
	var headers []textproto.MIMEHeader
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, texts, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		texts, headers = append(texts, string(text)), append(headers, p.Header)
	}
}

func TestReport(t *testing.T) {
	header, parts, kinds := read(t, sample(), false)
	for key, want := range map[string]string{
		"From": "Mail Delivery System <postmaster@example.com>", "To": "<anna@partner.example>", "Subject": "Your message was not delivered", "Auto-Submitted": "auto-replied",
		"References": "<1@partner.example>", "Message-Id": "<01JD9F3K7Q@mail.example.com>", "Date": "Mon, 02 Nov 2026 12:00:00 +0000",
	} {
		if got := header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if len(parts) != 3 || kinds[1].Get("Content-Type") != "message/delivery-status" || kinds[2].Get("Content-Type") != "text/rfc822-headers" {
		t.Fatalf("%d parts, %v", len(parts), kinds)
	}
	if !strings.Contains(parts[0], "bob@example.com") || !strings.Contains(parts[0], "could not be delivered: the mailbox is full.") || !strings.Contains(parts[0], "Example Ltd") {
		t.Errorf("the text is\n%s", parts[0])
	}
	want := "Reporting-MTA: dns; mail.example.com\r\nOriginal-Envelope-Id: id 7\r\nArrival-Date: Mon, 02 Nov 2026 11:00:00 +0000\r\n\r\n" +
		"Original-Recipient: rfc822; bob+x@example.com\r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.2.2\r\n"
	if parts[1] != want {
		t.Errorf("the fields are\n%s\nwant\n%s", parts[1], want)
	}
	if parts[2] != "From: <anna@partner.example>\r\nSubject: Gr??e\r\n folded\r\n" && parts[2] != "From: <anna@partner.example>\r\nSubject: Gr????e\r\n folded\r\n" {
		t.Errorf("the header is %q", parts[2])
	}
	if _, parts, _ := read(t, sample(), true); parts[2] != original {
		t.Errorf("the message came back as %q", parts[2])
	}
}

func TestActions(t *testing.T) {
	for action, want := range map[Action]string{Delayed: "You need not send it again.", Delivered: "lies in the recipient's mailbox.", Relayed: "does not confirm that it was delivered."} {
		r := sample()
		r.Action = action
		header, parts, _ := read(t, r, false)
		if header.Get("Subject") == "" || !strings.Contains(parts[0], want) || !strings.Contains(parts[1], "Action: "+string(action)+"\r\n") {
			t.Errorf("%s: %s, %q", action, header.Get("Subject"), parts)
		}
	}
}

// What strangers wrote stays where it belongs.
func TestStrangersWords(t *testing.T) {
	r := sample()
	evil := "x\r\nBcc: all@example.com\r\n\r\n--=_01JD9F3K7Q\r\n"
	r.EnvelopeID, r.Why, r.Recipient, r.ORcpt, r.MessageID, r.To = evil, evil, evil+"ü", "rfc822;"+evil, evil, "<a>\r\nBcc: x@example.com"
	header, parts, _ := read(t, r, false)
	if header.Get("Bcc") != "" || len(parts) != 3 {
		t.Errorf("%v, %d parts", header, len(parts))
	}
	if fields := strings.Count(parts[1], "\r\n"); fields != 8 {
		t.Errorf("%d lines in\n%s", fields, parts[1])
	}
	if !strings.Contains(parts[1], `Final-Recipient: utf-8; x??Bcc`) || !strings.Contains(parts[1], `\x{FC}`) {
		t.Errorf("%s", parts[1])
	}
}

func TestMessageThatCannotBeRead(t *testing.T) {
	no := errors.New("disk")
	for _, whole := range []bool{true, false} {
		if err := sample().Write(io.Discard, iotest.ErrReader(no), whole); !errors.Is(err, no) {
			t.Errorf("whole %v: %v", whole, err)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add("bob@example.com", "rfc822;x", "id", "<1@x>", "why")
	f.Fuzz(func(t *testing.T, recipient, orcpt, id, message, why string) {
		r := sample()
		r.Recipient, r.ORcpt, r.EnvelopeID, r.MessageID, r.Why = recipient, orcpt, id, message, why
		if _, parts, _ := read(t, r, false); len(parts) != 3 {
			t.Errorf("%d parts", len(parts))
		}
	})
}
