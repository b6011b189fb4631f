package listener

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sirupsen/logrus"
)

// told are the refusals that the log tells of, one a line.
func (b *bed) told() (lines []string) {
	for _, f := range b.log.fields(refusedMessage) {
		lines = append(lines, fmt.Sprintf("%v %v <%v> <%v> %v %v", f[FieldClient], f[FieldHelo], f[FieldFrom], f[FieldTo], f[FieldCode], f[FieldText]))
	}
	return lines
}

// Whatever of a transaction is refused stands in the log once, with who, from whom, to whom and why; what follows from it does not.
func TestRefusalsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxMessageBytes = 10 })
		k := b.talk("198.51.100.7:1")
		for _, step := range []struct{ say, reply, told string }{
			{"RCPT TO:<early@mail.test>\r\n", "503", ""},
			{"EHLO client.test\r\n", "250", ""},
			{"NONSENSE\r\n", "500", ""},
			{"MAIL FROM:<a b>\r\n", "501", "<<a b>> <> 501 5.1.7 Sender address not understood"},
			{"MAIL FROM:<a@client.test> SIZE=11\r\n", "552", "<a@client.test> <> 552 5.3.4 Message is larger than allowed here"},
			{"MAIL FROM:<jürgen@client.test>\r\n", "553", "<jürgen@client.test> <> 553 5.6.7 This address needs SMTPUTF8"},
			{"MAIL FROM:<a@client.test>\r\n", "250", ""},
			{"RCPT TO:<unknown@mail.test>\r\n", "451", "<a@client.test> <unknown@mail.test> 451 4.1.1 Not known yet"},
			{"RCPT TO:<bob@mail.test> NOTIFY=PERHAPS\r\n", "501", "<a@client.test> <bob@mail.test> 501 5.5.4 Malformed NOTIFY parameter value"},
			{"RCPT TO:<bob@other.test>\r\n", "550", "<a@client.test> <bob@other.test> 550 5.7.1 Not a domain of ours"},
			{"RCPT TO:<oops@mail.test>\r\n", "451", "<a@client.test> <oops@mail.test> 451 4.3.0 Temporary failure here, try again later"},
			{"DATA\r\n", "503", ""},
			{"RCPT TO:<b@mail.test>\r\n", "250", ""},
			{"RCPT TO:<c@mail.test>\r\n", "250", ""},
			{"DATA\r\n", "354", ""},
			{"0123456789\r\n.\r\n", "552", "<a@client.test> <b@mail.test, c@mail.test> 552 5.3.4 Message is larger than allowed here"},
			{"MAIL FROM:<fail-commit@client.test>\r\n", "250", ""},
			{"RCPT TO:<b@mail.test>\r\n", "250", ""},
			{"BDAT 2 LAST\r\nhi", "451", "<fail-commit@client.test> <b@mail.test> 451 4.3.0 Temporary failure here, try again later"},
			{"MAIL FROM:<>\r\n", "250", ""},
			{"RCPT TO:<b@mail.test>\r\n", "250", ""},
			{"DATA\r\n", "354", ""},
		} {
			before := len(b.told())
			b.must(k.say(step.say, step.reply))
			synctest.Wait()
			var want []string
			if step.told != "" {
				want = []string{"198.51.100.7:1 client.test " + step.told}
			}
			if got := b.told()[before:]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("after %q the log tells %q, want %q", step.say, got, want)
			}
		}
		b.must(k.say("hel"))
		k.conn.Close()
		synctest.Wait()
		if got := b.told(); got[len(got)-1] != "198.51.100.7:1 client.test <> <b@mail.test> 421 4.4.2 The message did not arrive whole" {
			t.Errorf("after the cut the log tells %q", got[len(got)-1])
		}
		for _, e := range b.log.entries {
			if e.Message == refusedMessage && e.Level != logrus.InfoLevel {
				t.Errorf("told at level %s", e.Level)
			}
		}
		b.stop()
	})
}

// A client that is only refused cannot fill the log; one whose mail is taken in between is told of again.
func TestRefusalsInTheLogAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		k := b.talk("198.51.100.7:1")
		b.must(k.say("EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n", "250", "250"))
		guess := func() {
			for range 40 {
				b.must(k.say("RCPT TO:<"+strings.Repeat("x", 1500)+"@other.test>\r\n", "550"))
			}
		}
		guess()
		if n := len(b.told()); n != maxTold {
			t.Errorf("%d of 40 refusals are told, want %d", n, maxTold)
		}
		for range 30 {
			b.must(k.say("RCPT TO:<"+strings.Repeat("y", 1500)+"@mail.test>\r\n", "250"))
		}
		b.must(k.say("DATA\r\n", "354"))
		b.must(k.say("hello\r\n.\r\n", "250"))
		b.must(k.say("MAIL FROM:<a@client.test>\r\n", "250"))
		guess()
		b.must(k.say("QUIT\r\n", "221"))
		k.hungUp(t)
		if n := len(b.told()); n != 2*maxTold {
			t.Errorf("%d refusals are told, want %d", n, 2*maxTold)
		}
		for _, line := range b.told() {
			if len(line) > 1000 {
				t.Errorf("a line of %d octets", len(line))
			}
		}
		if text := listed(slices.Repeat([]string{strings.Repeat("z", 1500)}, 30)); len(text) > 4000 || !strings.HasSuffix(text, ", 20 more") {
			t.Errorf("recipients take %d octets: ...%s", len(text), text[len(text)-20:])
		}
		b.stop()
	})
}
