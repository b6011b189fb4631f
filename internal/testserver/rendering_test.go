package testserver

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/internal/testserver/corpus"
)

var noon = time.Date(2026, time.November, 2, 12, 0, 0, 0, time.UTC)

func TestRenderingKeepsWhatIsNotAskedFor(t *testing.T) {
	g := corpus.New(1)
	for range 500 {
		m := g.Next()
		if got := (Rendering{}).Render(m.Bytes, noon); !bytes.Equal(got, m.Bytes) {
			t.Errorf("%s: %q became %q", m.Kind, m.Bytes, got)
		}
	}
}

func TestRenderingOfFields(t *testing.T) {
	const from = "From: a@x.example\r\n"
	for name, test := range map[string]struct {
		Rendering
		message, want string
	}{
		"a tag":                 {Rendering{Subject: "[EXTERN] "}, from + "subject:\r\n hello\r\n\r\nx", from + "Subject: [EXTERN] hello\r\n\r\nx"},
		"a tag without subject": {Rendering{Subject: "[EXTERN] "}, from + "\r\nx", from + "Subject: [EXTERN] \r\n\r\nx"},
		"a date":                {Rendering{Date: true}, from + "\r\nx", from + "Date: Mon, 02 Nov 2026 12:00:00 +0000\r\n\r\nx"},
		"a date that is there":  {Rendering{Date: true}, "Date: x\r\n\r\nx", "Date: x\r\n\r\nx"},
		"an ID that is there":   {Rendering{MessageID: true}, "Message-Id: x\r\n\r\nx", "Message-Id: x\r\n\r\nx"},
		"what does not survive": {Rendering{Drop: []string{"X-Trace"}}, "x-trace: 1\r\n\t2\r\n" + from + "\r\nx", from + "\r\nx"},
		"no empty line":         {Rendering{Drop: []string{"X-Trace"}}, from, from},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(test.Render([]byte(test.message), noon)); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
	one, two := (Rendering{MessageID: true}).Render([]byte(from+"\r\n1"), noon), (Rendering{MessageID: true}).Render([]byte(from+"\r\n2"), noon)
	if fieldsOf(one).value("Message-ID") == "" || fieldsOf(one).value("Message-ID") == fieldsOf(two).value("Message-ID") {
		t.Errorf("%q and %q", one, two)
	}
}

// Every body has other octets, and says the same; but of what is no sound MIME nothing is demanded.
func TestRenderingOfBodies(t *testing.T) {
	g := corpus.New(2)
	g.MaxSize = 64 << 10
	for range 1000 {
		m := g.Next()
		got := Rendering{Body: true}.Render(m.Bytes, noon)
		if bytes.Equal(got[headerLength(got):], m.Bytes[headerLength(m.Bytes):]) {
			t.Errorf("%s: the body is the same: %q", m.Kind, got)
		}
		if before, after := says(m.Bytes), says(got); m.Kind != corpus.BadMIME && before != after {
			t.Errorf("%s: %q became %q", m.Kind, before, after)
		}
	}
}

// says is what the leaves of a message decode to, without white space.
func says(message []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(leaves(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)), "")
}

func leaves(contentType, encoding string, body io.Reader) string {
	if kind, params, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(kind, "multipart/") {
		all := ""
		for r := multipart.NewReader(body, params["boundary"]); ; {
			part, err := r.NextRawPart()
			if err != nil {
				return all
			}
			all += leaves(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		}
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, _ := io.ReadAll(body)
	return string(text)
}

// Each way in has its own rendering, and what the server says of sizes is wrong where it is told to be.
func TestRenderingByTheWayIn(t *testing.T) {
	s := startIMAP(t, IMAPConfig{EstimateSize: true, Appended: Rendering{Subject: "[A] "}, Delivered: Rendering{Subject: "[D] "}})
	message := []byte("Subject: x\r\n\r\nhello\r\n")
	c := loginIMAP(t, s, nil)
	mustAppend(t, c, "INBOX", message, nil)
	if err := s.DeliverEnvelope(&Envelope{Rcpts: []Rcpt{{To: "anna"}}, Data: message, At: noon}); err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[uint32]string{1: "[A] x", 2: "[D] x"} {
		data, err := s.Bytes("anna", "INBOX", uid)
		if err != nil || fieldsOf(data).value("Subject") != want {
			t.Errorf("%d: %q, %v", uid, data, err)
		}
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil || len(got) != 1 || got[0].RFC822Size == int64(len(got[0].FindBodySection(whole))) {
		t.Errorf("%+v, %v", got, err)
	}
}
