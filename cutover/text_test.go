package cutover_test

import (
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
)

func text(message string, pieces int) cutover.Digest {
	d := cutover.NewTextDigester()
	for len(message) > 0 {
		n := min(len(message), pieces)
		d.Write([]byte(message[:n]))
		message = message[n:]
	}
	return d.Digest()
}

// What a server renders anew says the same, however it is read.
func TestTextOutlivesRendering(t *testing.T) {
	g := corpus.New(3)
	g.MaxSize = 200 << 10
	anew := testserver.Rendering{Body: true, Subject: "[EXTERN] ", MessageID: true, Date: true}
	for i := range 400 {
		m := g.Next()
		got := anew.Render(m.Bytes, time.Now())
		if text(string(m.Bytes), 4000+i*17) != text(string(got), 3000+i*31) {
			t.Errorf("%s: %q became %q", m.Kind, m.Bytes, got)
		}
		if again := anew.Render(got, time.Now()); text(string(again), 1<<20) != text(string(got), 999) {
			t.Errorf("%s: rendered twice it says something else", m.Kind)
		}
	}
}

func TestText(t *testing.T) {
	const head = "Subject: x\r\n"
	const parts = head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for name, test := range map[string]struct {
		a, b string
		same bool
	}{
		"white space":                  {head + "\r\na b\r\nc", head + "\r\n\tab c \r\n\r\n", true},
		"other words":                  {head + "\r\na b", head + "\r\na c", false},
		"other fields":                 {head + "\r\na", "Subject: y\r\nX: z\r\n\r\na", true},
		"quoted-printable":             {head + "\r\nfür =3D\r\n", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\nf=C3=BCr =\r\n=3D3D\r\n", true},
		"a lone equals sign":           {head + "\r\na=b=", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\na=b=", true},
		"base64":                       {head + "\r\nhello there", head + "Content-Transfer-Encoding: BASE64\r\n\r\naGVsbG8g\r\ndGhl\r\ncmU=\r\n", true},
		"no base64":                    {head + "Content-Transfer-Encoding: base64\r\n\r\nnot !! base64", head + "Content-Transfer-Encoding: base64\r\n\r\nnot!!base64", true},
		"parts":                        {parts + "preamble\r\n--b\r\n\r\na\r\n--b\r\n\r\nc\r\n--b--\r\n", strings.ReplaceAll(parts, "=b", "=d") + "--d \r\n\r\na\r\n--d\r\nX: y\r\n\r\nc\r\n--d--\r\nepilogue", true},
		"parts in another order":       {parts + "--b\r\n\r\na\r\n--b\r\n\r\nc\r\n--b--\r\n", parts + "--b\r\n\r\nc\r\n--b\r\n\r\na\r\n--b--\r\n", false},
		"a part that is cut":           {parts + "--b\r\n\r\na\r\n--b\r\n\r\nc\r\n", parts + "--b\r\n\r\na\r\n--b\r\n\r\nd\r\n", false},
		"a boundary that never comes":  {parts + "a", parts + "b", false},
		"an attachment that was added": {parts + "--b\r\n\r\na\r\n--b--\r\n", parts + "--b\r\n\r\na\r\n--b\r\n\r\nc\r\n--b--\r\n", false},
		"no body":                      {head, head + "\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			for pieces := range 8 {
				if got := text(test.a, pieces+1) == text(test.b, 8-pieces); got != test.same {
					t.Errorf("in pieces of %d: same is %v", pieces+1, got)
				}
			}
		})
	}
}

// A line longer than what is kept is read in pieces, and so are its escapes.
func TestTextOfLongLines(t *testing.T) {
	for n := range 4 {
		long := strings.Repeat("a", 64<<10-2+n)
		plain := "\r\n" + long + "=b" + long
		quoted := "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + long + "=3Db" + long
		if text(plain, 1000) != text(quoted, 64<<10+n) {
			t.Errorf("%d: differ", n)
		}
	}
}

func TestLooseKeysOfBefore(t *testing.T) {
	loose := func(header string) cutover.Key { return cutover.IdentityOf([]byte(header)).Loose }
	const people = "From: a@x.example\r\nTo: b@y.example\r\n"
	const date = "Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n"
	for name, test := range map[string]struct {
		before, after string
		was           bool
	}{
		"a tag":            {people + date + "Subject: x\r\n", people + date + "Subject: [EXTERN] x\r\n", true},
		"a second tag":     {people + date + "Subject: [a] x\r\n", people + date + "Subject: [EXTERN] [a] x\r\n", true},
		"a date":           {people + "Subject: x\r\n", people + date + "Subject: x\r\n", true},
		"both":             {people + "Subject: x\r\n", people + date + "Subject: [EXTERN] x\r\n", true},
		"a tag alone":      {people + date, people + date + "Subject: [EXTERN] \r\n", true},
		"another subject":  {people + date + "Subject: [a] x\r\n", people + date + "Subject: [b] x\r\n", false},
		"another date":     {people + date + "Subject: x\r\n", people + strings.ReplaceAll(date, "27", "28") + "Subject: [b] x\r\n", false},
		"a date that went": {people + date + "Subject: x\r\n", people + "Subject: x\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cutover.IdentityOf([]byte(test.after)).Was(loose(test.before)); got != test.was {
				t.Errorf("was: %v", got)
			}
		})
	}
}
