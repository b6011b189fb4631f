package listener

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

var dialogs = flag.Int("dialogs", 40, "how many random dialogs TestRandomDialogs has")

const (
	mostRecipients = 3
	mostOctets     = 300
)

// model is what RFC 5321, RFC 3030 and we ourselves say of a dialog: it makes up what a client says, and knows the code of each reply.
type model struct {
	r       *rand.Rand
	wire    strings.Builder
	codes   []string
	stored  []string
	greeted bool
	txn     bool
	from    string
	to      int
	chunked bool
	size    int
	parts   string
}

// say writes a command and notes what is said to it.
func (m *model) say(code, command string) {
	m.wire.WriteString(command)
	m.codes = append(m.codes, code)
}

func (m *model) pick(all ...string) string { return all[m.r.IntN(len(all))] }

func (m *model) forget() {
	m.txn, m.from, m.to, m.chunked, m.size, m.parts = false, "", 0, false, 0, ""
}

// cased writes a verb in any case.
func (m *model) cased(verb string) string {
	b := []byte(verb)
	for i := range b {
		if m.r.IntN(3) == 0 && b[i] >= 'A' && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

func (m *model) blanks() string { return strings.Repeat(" ", m.r.IntN(3)) }

func (m *model) line(code, verb, rest string) {
	m.say(code, m.cased(verb)+rest+m.blanks()+"\r\n")
}

func (m *model) step() {
	switch m.r.IntN(16) {
	case 0, 1:
		m.hello()
	case 2, 3, 4:
		m.mail()
	case 5, 6, 7, 8:
		m.rcpt()
	case 9, 10:
		m.data()
	case 11, 12, 13:
		m.bdat()
	case 14:
		m.line("250", "RSET", m.pick("", " now"))
		m.forget()
	default:
		m.other()
	}
}

func (m *model) hello() {
	if m.r.IntN(6) == 0 {
		m.line("501", m.pick("EHLO", "HELO"), "")
		return
	}
	m.line("250", m.pick("EHLO", "HELO"), m.pick(" client.test", "  [192.0.2.1]", " two words", " \xff\xfe"))
	m.greeted = true
	m.forget()
}

func (m *model) mail() {
	switch {
	case !m.greeted, m.txn:
		m.line("503", "MAIL", m.pick(" FROM:<a@client.test>", "", " nonsense", " FROM:<> FOO=BAR"))
		return
	case m.r.IntN(4) == 0:
		m.fail("MAIL", [][2]string{
			{"501", ""}, {"501", " FROM"}, {"501", " FROM:"}, {"501", " FROM:<a@b"}, {"501", " FROM:<a b@c>"}, {"501", " FROM:<a@b>c"},
			{"555", " FROM:<a@b> FOO"}, {"552", " FROM:<a@b> SIZE=999999"}, {"501", " FROM:<a@b> SIZE=x"}, {"501", " TO:<a@b>"}, {"553", " FROM:<\xc3\xb6@b>"},
			{"501", " FROM:<\xff@b>"}, {"501", " FROM:SIZE=10"}, {"501", " FROM:<a@b@c>"}, {"501", " FROM:<\"a@b>"},
		})
		return
	}
	m.forget()
	m.from = m.pick("a@client.test", "", "fail-begin@c.test", "full-write@c.test", "refuse-commit@c.test", "fail-commit@c.test", "a@client.test", "b@client.test", "\"a b\"@c.test")
	m.line("250", "MAIL", m.cased(" FROM:")+m.pick("", " ")+"<"+m.from+">"+m.pick("", " SIZE=20", " BODY=8BITMIME", "  size=1  body=7bit", " AUTH=<>"))
	m.txn = true
}

func (m *model) rcpt() {
	switch {
	case !m.greeted, !m.txn, m.chunked:
		m.line("503", "RCPT", m.pick(" TO:<bob@mail.test>", " TO:<>", ""))
		return
	case m.r.IntN(3) == 0:
		m.fail("RCPT", [][2]string{
			{"501", ""}, {"501", " TO:"}, {"501", " TO:<>"}, {"501", " TO:<a@b"}, {"501", " FROM:<bob@mail.test>"}, {"555", " TO:<bob@mail.test> SIZE=1"},
			{"550", " TO:<bob@other.test>"}, {"451", " TO:<unknown@mail.test>"}, {"451", " TO:<oops@mail.test>"}, {"451", " TO:<odd@mail.test>"},
			{"553", " TO:<\xc3\xb6@mail.test>"}, {"550", " TO:<\"bob@mail.test\"@other.test>"}, {"550", " TO:<@mail.test:bob@other.test>"},
		})
		return
	case m.to == mostRecipients:
		m.line("452", "RCPT", " TO:<bob@mail.test>")
		return
	}
	m.line("250", "RCPT", m.cased(" TO:")+m.pick("<bob@mail.test>", " <bob@mail.test> ", "<postmaster>", "<@x.test,@y.test:bob@mail.test>", "bob@mail.test", "<bob@mail.test> notify=NEVER", "<\"b\\@o\"@mail.test>"))
	m.to++
}

// fail says one of some things that are refused.
func (m *model) fail(verb string, all [][2]string) {
	one := all[m.r.IntN(len(all))]
	if m.to == mostRecipients && one[0] != "501" {
		one[0] = "452"
	}
	m.line(one[0], verb, one[1])
}

// outcome is what becomes of a message of so many octets; partly those of a chunk that is not the last.
func (m *model) outcome(size int, last bool) string {
	step := func(s string) bool { return strings.HasSuffix(strings.Split(m.from, "@")[0], "-"+s) }
	switch {
	case size > mostOctets:
		return "552"
	case step("begin") && (size > 0 || last):
		return "451"
	case step("write") && size > 0:
		return "452"
	case !last:
		return "250"
	case m.from == "refuse-commit@c.test":
		return "554"
	case step("commit"):
		return "451"
	}
	return "250"
}

func (m *model) body() string {
	parts := []string{"a", "\r\n", ".", "\r\n.", "\r\nRSET\r\n", "\n.\n", "\r.\r", "BDAT 3 LAST\r\n", "\x00", "\xff", "xxxxxxxxxxxxxxxxxxxx", "\r\nMAIL FROM:<forged@client.test>\r\n", "\n.\r\n"}
	var b strings.Builder
	for range m.r.IntN(8) {
		b.WriteString(parts[m.r.IntN(len(parts))])
	}
	if m.r.IntN(12) == 0 && m.from == "a@client.test" {
		b.WriteString(strings.Repeat("z", mostOctets))
	}
	return b.String()
}

func (m *model) data() {
	if !m.greeted || !m.txn || m.chunked || m.to == 0 {
		return // nothing may follow a DATA that is refused before its reply was read
	}
	m.line("354", "DATA", "")
	text := string(endLine([]byte(m.body())))
	code := m.outcome(len(text), true)
	m.say(code, stuffed([]byte(text))+".\r\n")
	if code == "250" {
		m.stored = append(m.stored, text)
	}
	m.forget()
}

func (m *model) bdat() {
	// Of a failure to write the client may hear with the next chunk alone.
	text, last := m.body(), m.r.IntN(2) == 0 || strings.HasSuffix(m.from, "-begin@c.test") || strings.HasSuffix(m.from, "-write@c.test")
	command := fmt.Sprintf(" %d", len(text))
	if last {
		command += " " + m.cased("LAST")
	}
	if !m.greeted || !m.txn || m.to == 0 {
		m.line("503", "BDAT", command)
		m.wire.WriteString(text)
		return
	}
	m.chunked = true
	m.size += len(text)
	m.parts += text
	code := m.outcome(m.size, last)
	if !last && len(text) == 0 && m.size == 0 {
		code = "250"
	}
	m.line(code, "BDAT", command)
	m.wire.WriteString(text)
	if code == "250" && last {
		m.stored = append(m.stored, m.parts)
	}
	if code != "250" || last {
		m.forget()
	}
}

func (m *model) other() {
	all := [][2]string{
		{"250", "NOOP"}, {"250", "NOOP hello"}, {"252", "VRFY bob"}, {"252", "VRFY"}, {"502", "EXPN all"}, {"502", "HELP"}, {"500", ""},
		{"500", "NONSENSE"}, {"500", "MAILFROM:<a@b>"}, {"500", "XCLIENT ADDR=1.2.3.4"}, {"500", "STARTTLS\tx"}, {"501", "STARTTLS x"},
		{"502", "AUTH PLAIN AAAA"}, {"502", "ETRN x"}, {"502", "LHLO x"}, {"500", "\xc5\xbfTARTTLS"}, {"500", "B\xc4AT 3"},
	}
	one := all[m.r.IntN(len(all))]
	m.say(one[0], one[1]+"\r\n")
}

// TestRandomDialogs: whatever a client says, in whatever pieces, each command has the reply that belongs to it, in order, and what is stored are the messages that were answered 250, octet by octet.
func TestRandomDialogs(t *testing.T) {
	for seed := range *dialogs {
		synctest.Test(t, func(t *testing.T) {
			m := &model{r: rand.New(rand.NewPCG(uint64(seed), 2))}
			b := newBed(t, func(c *Config) {
				c.Trusted, c.MaxMessageBytes, c.MaxRecipients, c.TLS = theClient, mostOctets, mostRecipients, testTLS()
			})
			conn := b.net.dial("198.51.100.7:1")
			for range 60 {
				m.step()
			}
			m.line("221", "QUIT", "")
			go func() {
				for rest := m.wire.String(); rest != ""; {
					n := min(1+m.r.IntN(1+m.r.IntN(400)), len(rest))
					io.WriteString(conn, rest[:n])
					rest = rest[n:]
				}
			}()
			said, _ := io.ReadAll(conn)
			b.stop()
			var codes []string
			for _, line := range strings.Split(string(said), "\r\n")[1:] {
				if len(line) > 3 && line[3] == ' ' {
					codes = append(codes, line[:3])
				}
			}
			if !slices.Equal(codes, m.codes) {
				t.Fatalf("seed %d: heard %v\nwant %v\nto %q", seed, codes, m.codes, m.wire.String())
			}
			var stored []string
			for _, s := range b.intake.messages() {
				stored = append(stored, s.body.String())
			}
			if !slices.Equal(stored, m.stored) {
				t.Fatalf("seed %d: stored %q\nwant %q\nof %q", seed, stored, m.stored, m.wire.String())
			}
		})
	}
}
