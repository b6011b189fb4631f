package listener

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

// FuzzConversation sends any octets in one go and hangs up. Whatever they are, the connection ends, each message begun is ended exactly once, nothing
// panics, every reply is well-formed and has its codes, and a message that was committed had its end.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"EHLO c\r\n" + envelopeCommands + "DATA\r\nhello\r\n.\r\nQUIT\r\n",
		"EHLO c\r\n" + envelopeCommands + "BDAT 3\r\nabcBDAT 2 LAST\r\ndeRSET\r\n",
		"HELO c\r\n" + envelopeCommands + "BDAT 100 LAST\r\nabc",
		"EHLO c\r\nMAIL FROM:<\"a b\"@c> SIZE=1\r\nMAIL FROM:<>\r\nBDAT x\r\nNOOP\r\n",
		"STARTTLS\r\nNOOP\n\r\nDATA\r\n.\r\n",
		"EHLO c\r\nVRFY a\r\nHELP\r\nAUTH PLAIN\r\nRSET\r\nRCPT TO:<odd@mail.test>\r\nMAIL FROM:<fail-commit@c>\r\nRCPT TO:<b@mail.test>\r\nBDAT 0 LAST\r\n",
		"EHLO c\r\nMAIL FROM:<refuse-commit@c> BODY=8BITMIME RET=FULL ENVID=+2B\r\nRCPT TO:<leave@mail.test>\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, octets string) {
		b := newBed(t, func(c *Config) { c.TarpitAfter = -1 })
		conn := b.net.dial("198.51.100.7:1")
		go func() {
			io.WriteString(conn, octets)
			conn.Close()
		}()
		said, _ := io.ReadAll(conn)
		b.stop()
		if n := len(b.log.fields("panic")); n != 0 {
			t.Errorf("%d panics", n)
		}
		if err := checkReplies(string(said)); err != nil {
			t.Errorf("to %q: %v", octets, err)
		}
		for _, m := range b.intake.messages() {
			if len(m.envelope.Recipients) == 0 || m.body.Len() > len(octets) {
				t.Errorf("committed %q for %v", m.body.String(), m.envelope.Recipients)
			}
		}
	})
}

var (
	replyForm    = regexp.MustCompile(`^[2-5][0-5][0-9][ -][ -~]*$`)
	enhancedForm = regexp.MustCompile(`^([245])\d\d[ -]([245])\.\d{1,3}\.\d{1,3} .`)
)

// checkReplies wants reply lines as RFC 5321 §4.2 has them, the lines of one reply with one code, and an enhanced code of the same class in all (RFC 2034 §4) but the greeting,
// the replies to HELO and EHLO, and 354. The last line may be cut.
func checkReplies(said string) error {
	var inside string // the code of a reply whose last line is still to come
	for i, line := range strings.SplitAfter(said, "\n") {
		text, whole := strings.CutSuffix(line, "\r\n")
		switch {
		case !whole && !strings.Contains(line, "\n"):
			return nil
		case !whole || !replyForm.MatchString(text) || len(line) > 512:
			return fmt.Errorf("reply line %q", line)
		case inside != "" && text[:3] != inside:
			return fmt.Errorf("a reply %s goes on with %q", inside, line)
		}
		plain := i == 0 && text[:3] == "220" || text == "250 mx.mail.test" || inside != "" || strings.HasPrefix(text, "250-mx.mail.test") || text[:3] == "354"
		if m := enhancedForm.FindStringSubmatch(text); !plain && (m == nil || m[1] != m[2]) {
			return fmt.Errorf("no enhanced code in %q", line)
		}
		if inside = ""; text[3] == '-' {
			inside = text[:3]
		}
	}
	return nil
}

func TestCheckReplies(t *testing.T) {
	for said, ok := range map[string]bool{
		"220 mx.mail.test ESMTP\r\n250-mx.mail.test\r\n250 DSN\r\n250 2.0.0 Ok\r\n354 Go\r\n": true,
		"220 mx.mail.test ESMTP\r\n250 2.0":                                                   true, // cut
		"220 mx.mail.test ESMTP\r\n250 Ok\r\n":                                                false,
		"550 4.1.1 No\r\n":                                                                    false,
		"250-mx.mail.test\r\n251 DSN\r\n":                                                     false,
		"220 mx\n":                                                                            false,
		"hello\r\n":                                                                           false,
		"500 5.5.2 \xc3\xbc\r\n":                                                              false,
		"500 5.5.2 a\rb\r\n":                                                                  false,
		"500 5.5.2 " + strings.Repeat("x", 600) + "\r\n":                                      false,
	} {
		if err := checkReplies(said); (err == nil) != ok {
			t.Errorf("%.60q: %v", said, err)
		}
	}
}

// FuzzOneMessage sends any body as an honest client does, by DATA or in chunks, in pieces, with a command behind: it is one message, octet by octet, never two, and what stands in it is
// never a command.
func FuzzOneMessage(f *testing.F) {
	for _, body := range []string{
		"", "hello", "a\n.\nMAIL FROM:<x@y>\r\n", "a\r.\r\nb", "a\r\n.\nb", "a\n.\r\nRCPT TO:<bob@mail.test>\r\nDATA\r\nx", "\r\r\n", ".", "..\r\n.", "a\r\n\r\n.\rQUIT\r\n", "\x00\xff",
	} {
		for _, chunk := range []uint16{0, 1, 7, 4096} {
			f.Add([]byte(body), chunk, uint16(3))
		}
	}
	f.Fuzz(oneMessage)
}

func oneMessage(t *testing.T, body []byte, chunk, piece uint16) {
	b := newBed(t)
	k := newTalker(b.net.dial("198.51.100.7:1"))
	b.must(k.say("EHLO client.test\r\n"+envelopeCommands, "220", "250", "250", "250"))
	if chunk == 0 {
		b.must(k.say("DATA\r\n", "354"))
		body = endLine(body)
		k.inPieces(stuffed(body)+".\r\n", int(piece))
		b.must(k.say("", "250 2.0.0 Ok: queued"))
	} else {
		for rest := body; ; {
			n := min(max(int(chunk), len(body)/50), len(rest))
			last := ""
			if n == len(rest) {
				last = " LAST"
			}
			k.inPieces(fmt.Sprintf("BDAT %d%s\r\n%s", n, last, rest[:n]), int(piece))
			b.must(k.say("", "250"))
			if rest = rest[n:]; last != "" {
				break
			}
		}
	}
	b.must(k.say("QUIT\r\n", "221"))
	k.hungUp(t)
	b.stop()
	all := b.intake.messages()
	if len(all) != 1 || !bytes.Equal(all[0].body.Bytes(), body) {
		t.Fatalf("%q became %d messages", body, len(all))
	}
}

// endLine ends the last line, as DATA needs it.
func endLine(body []byte) []byte {
	if len(body) == 0 || bytes.HasSuffix(body, []byte("\r\n")) {
		return body
	}
	return append(bytes.Clone(body), "\r\n"...)
}

// stuffed doubles the dot at the beginning of each line (RFC 5321 §4.5.2); only CRLF ends a line.
func stuffed(body []byte) string {
	text := strings.ReplaceAll(string(body), "\r\n.", "\r\n..")
	if strings.HasPrefix(text, ".") {
		text = "." + text
	}
	return text
}

func (k *talker) inPieces(octets string, size int) {
	for size = max(size, 1, len(octets)/50); octets != ""; {
		n := min(size, len(octets))
		io.WriteString(k.conn, octets[:n])
		octets = octets[n:]
	}
}
