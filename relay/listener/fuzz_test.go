package listener

import (
	"io"
	"testing"
)

// FuzzConversation sends any octets in one go and hangs up. Whatever they are, the connection ends, each message begun is ended exactly once, nothing
// panics, and a message that was committed had its end.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"EHLO c\r\n" + envelopeCommands + "DATA\r\nhello\r\n.\r\nQUIT\r\n",
		"EHLO c\r\n" + envelopeCommands + "BDAT 3\r\nabcBDAT 2 LAST\r\ndeRSET\r\n",
		"HELO c\r\n" + envelopeCommands + "BDAT 100 LAST\r\nabc",
		"EHLO c\r\nMAIL FROM:<\"a b\"@c> SIZE=1\r\nMAIL FROM:<>\r\nBDAT x\r\nNOOP\r\n",
		"STARTTLS\r\nNOOP\n\r\nDATA\r\n.\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, octets string) {
		b := newBed(t)
		conn := b.net.dial("198.51.100.7:1")
		go func() {
			io.WriteString(conn, octets)
			conn.Close()
		}()
		io.Copy(io.Discard, conn)
		b.stop()
		if n := len(b.log.fields("panic")); n != 0 {
			t.Errorf("%d panics", n)
		}
		for _, m := range b.intake.messages() {
			if len(m.envelope.Recipients) == 0 || m.body.Len() > len(octets) {
				t.Errorf("committed %q for %v", m.body.String(), m.envelope.Recipients)
			}
		}
	})
}
