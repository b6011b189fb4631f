package repair

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"posthouse/cutover"
)

func repaired(t *testing.T, message string, repairs Repair) string {
	t.Helper()
	out, err := io.ReadAll(NewReader(strings.NewReader(message), repairs))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func needed(t *testing.T, message string) Repair {
	t.Helper()
	r, err := Needed(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRepairs(t *testing.T) {
	wide := strings.Repeat("x", 600)
	for name, c := range map[string]struct {
		message, want string
		needed        Repair
	}{
		"nothing":              {"A: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n", 0},
		"8-bit body":           {"A: b\r\n\r\nb\xf6dy\r\n", "A: b\r\n\r\nb\xf6dy\r\n", 0},
		"wide body":            {"A: b\r\n\r\n" + wide + " " + wide, "A: b\r\n\r\n" + wide + " " + wide, 0},
		"empty":                {"", "", 0},
		"no header":            {"\r\nbody", "\r\nbody", 0},
		"bare LF":              {"A: b\nC: d\r\n\none\ntwo\r\n", "A: b\r\nC: d\r\n\r\none\r\ntwo\r\n", Lines},
		"lone CR in body":      {"A: b\r\n\r\none\rtwo\r\rthree\r", "A: b\r\n\r\none\r\ntwo\r\n\r\nthree\r\n", Lines},
		"CRs before LF":        {"A: b\r\r\nC: d\r\r\n\r\r\none\r\r\n", "A: b\r\nC: d\r\n\r\none\r\n", Lines},
		"lone CR in field":     {"A: b\rC: d\r\n\r\nx", "A: b C: d\r\n\r\nx", Lines},
		"lone CR before field": {"A: b\r\n\rC: d\r\n\r\nx", "A: b\r\nC: d\r\n\r\nx", Lines},
		"only CRs":             {"A: b\rC: d\r\rone\r", "A: b\r\nC: d\r\n\r\none\r\n", Lines},
		"NUL in field":         {"A: b\x00c\r\n\r\nx", "A: bc\r\n\r\nx", Zeros},
		"NUL as header line":   {"A: b\r\n\x00\r\nC: d\r\n\r\nx", "A: b\r\nC: d\r\n\r\nx", Zeros},
		"NUL in body":          {"A: b\r\n\r\nx\x00y\x00\r\n", "A: b\r\n\r\nx y \r\n", Zeros},
		"NUL in line end":      {"A: b\r\x00\nC: d\r\n\r\nx", "A: b \r\nC: d\r\n\r\nx", Lines | Zeros},
		"UTF-8 subject":        {"Subject: Gr\u00fc\u00dfe an alle\r\n\r\n", "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= an alle\r\n\r\n", Octets},
		"Latin-1 subject":      {"Subject: Gr\xfc\xdfe\r\n\r\n", "Subject: =?ISO-8859-1?Q?Gr=FC=DFe?=\r\n\r\n", Octets},
		"unknown subject":      {"Subject: \x93a\x94\r\n\r\n", "Subject: =?UNKNOWN-8BIT?Q?=93a=94?=\r\n\r\n", Octets},
		"blank between words":  {"Subject: \u00fc \u00fc\r\n x\r\n\r\n", "Subject: =?UTF-8?Q?=C3=BC_=C3=BC?=\r\n x\r\n\r\n", Octets},
		"beside encoded words": {"Subject: =?UTF-8?Q?a?= \u00fc =?UTF-8?Q?b?=\r\n\r\n", "Subject: =?UTF-8?Q?a?= =?UTF-8?Q?_=C3=BC_?= =?UTF-8?Q?b?=\r\n\r\n", Octets},
		"display name":         {"From: J\u00fcrgen K. M\u00fcller <j@x.example>\r\n\r\n", "From: =?UTF-8?Q?J=C3=BCrgen?= K. =?UTF-8?Q?M=C3=BCller?= <j@x.example>\r\n\r\n", Octets},
		"quoted name":          {"To: \"M\xfcller, \\\"J\\\"\"<j@x.example>, b@x.example\r\n\r\n", "To: =?ISO-8859-1?Q?M=FCller=2C_=22J=22?= <j@x.example>, b@x.example\r\n\r\n", Octets},
		"comment":              {"From: j@x.example (J\u00fcrgen)\r\n\r\n", "From: j@x.example (=?UTF-8?Q?J=C3=BCrgen?=)\r\n\r\n", Octets},
		"address":              {"From: <j\u00fc@x.example>, \u00fc@x.example, \"\u00fc\"@x.example\r\n\r\n", "From: <j\u00fc@x.example>, \u00fc@x.example, \"\u00fc\"@x.example\r\n\r\n", 0},
		"file name":            {"Content-Type: a/b; name=\"M\u00e4rz 1.pdf\"; x=y\r\n\r\n", "Content-Type: a/b; name*=UTF-8''M%C3%A4rz%201.pdf; x=y\r\n\r\n", Octets},
		"octets that count":    {"Message-ID: <\u00fc@x>\r\n\r\n", "Message-ID: <\u00fc@x>\r\n\r\n", 0},
		"mailbox file":         {"From j@x Mon Nov 23\r\nA: b\r\n>From j\r\n c\r\n\r\nFrom x\r\n", "X-Posthouse-Line: From j@x Mon Nov 23\r\nA: b\r\nX-Posthouse-Line: >From j\r\n c\r\n\r\nFrom x\r\n", Strays},
		"blank before colon":   {"A \t: b\r\nC\u00fc: d\r\n: e\r\nno end", "A: b\r\nX-Posthouse-Line: =?UTF-8?Q?C=C3=BC=3A?= d\r\nX-Posthouse-Line: : e\r\nX-Posthouse-Line: no end", Strays | Octets},
		"wide field":           {"A: " + wide + " " + wide + " c\r\n\r\n", "A: " + wide + "\r\n " + wide + " c\r\n\r\n", Width},
		"no place to fold":     {"A: " + wide + wide + "  \r\n\r\n", "A: " + wide + wide + "  \r\n\r\n", 0},
		"everything": {"Subject: \u00fc\x00\nstray\nA: " + wide + " " + wide + "\n\nx\x00\n",
			"Subject: =?UTF-8?Q?=C3=BC?=\r\nX-Posthouse-Line: stray\r\nA: " + wide + "\r\n " + wide + "\r\n\r\nx \r\n", all},
	} {
		if got := repaired(t, c.message, all); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
		if got := needed(t, c.message); got != c.needed {
			t.Errorf("%s: needs %q, want %q", name, got, c.needed)
		}
	}
}

// Nothing is repaired that was not asked for.
func TestOnlyWhatIsAskedFor(t *testing.T) {
	message := "Subject: \u00fc\x00\n\nx\x00\n"
	for repairs, want := range map[Repair]string{
		0:             message,
		Lines:         "Subject: \u00fc\x00\r\n\r\nx\x00\r\n",
		Lines | Zeros: "Subject: \u00fc\r\n\r\nx \r\n",
	} {
		if got := repaired(t, message, repairs); got != want {
			t.Errorf("%q: got %q, want %q", repairs, got, want)
		}
	}
}

func TestLadder(t *testing.T) {
	if got, want := Ladder(all), []Repair{Lines, Lines | Zeros, Lines | Zeros | Strays, Lines | Zeros | Strays | Octets, all}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := Ladder(Width|Zeros), []Repair{Zeros, Zeros | Width}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Ladder(0); len(got) != 0 {
		t.Errorf("nothing to repair: %v", got)
	}
	if got, want := (Lines | Octets).String(), "bare line ends, 8-bit header"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for r := range all + 1 {
		if got := Named(r.String()); got != r {
			t.Errorf("%q is read back as %q", r, got)
		}
	}
}

// Long text becomes words of a length that is allowed, and none of them divides a character.
func TestLongWords(t *testing.T) {
	name := strings.Repeat("\u00e4\u20acx ", 60) + "\u00fc"
	out := repaired(t, "From: "+name+" <j@x.example>\r\n\r\n", all)
	for line := range strings.Lines(out) {
		if len(line) > len("From: \r\n")+maxWord+len(" <j@x.example>") {
			t.Errorf("line of %d octets", len(line))
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != name || from[0].Address != "j@x.example" {
		t.Errorf("got %v, %v", from, err)
	}
}

func TestHeaderWithoutEnd(t *testing.T) {
	_, err := Needed(strings.NewReader(strings.Repeat("x", maxHeader+1)))
	if !errors.Is(err, ErrHeader) {
		t.Errorf("got %v", err)
	}
	if _, err := Needed(iotest.ErrReader(errors.New("torn"))); err == nil {
		t.Error("no error of the source")
	}
}

func FuzzRepair(f *testing.F) {
	for _, seed := range []string{"A: b\nSubject: \xfc \x00\r\n\rX\r\n\r\nx\x00\n", "From: \"\xfc\" (\xfc <) <\xfc>\n\n", "Content-Type: a; name=\"\xfc\"", "a\rb\r\rc", "\x00\r\n\x00",
		"A: " + strings.Repeat("x y", 500) + "\r\n \r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > maxHeader/8 {
			return
		}
		once, err := io.ReadAll(iotest.OneByteReader(NewReader(bytes.NewReader(message), all)))
		if err != nil {
			t.Fatal(err)
		}
		if left, err := Needed(bytes.NewReader(once)); err != nil || left != 0 {
			t.Errorf("%q became %q, which needs %q (%v)", message, once, left, err)
		}
		need, err := Needed(bytes.NewReader(message))
		if err != nil || (need == 0) != bytes.Equal(once, message) {
			t.Errorf("%q became %q and needs %q (%v)", message, once, need, err)
		}
		if steps := Ladder(need); need != 0 {
			last, _ := io.ReadAll(NewReader(bytes.NewReader(message), steps[len(steps)-1]))
			if !bytes.Equal(last, once) {
				t.Errorf("%q: the whole ladder makes %q, all repairs %q", message, last, once)
			}
		}
		if need&(Lines|Zeros) != 0 {
			return
		}
		if body, now := body(message), body(once); !bytes.Equal(body, now) {
			t.Errorf("body %q became %q", body, now)
		}
		cutover.IdentityOf(once)
	})
}

// body is what follows the empty line.
func body(message []byte) []byte {
	if bytes.HasPrefix(message, []byte("\r\n")) {
		return message[2:]
	}
	_, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	return body
}
