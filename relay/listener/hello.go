package listener

import (
	"fmt"
	"time"
)

// Until its first transaction a client talks to us alone: go-smtp, which holds buffers for each connection, hears of its greeting together with its MAIL. Many greet, and then say nothing for long.

// converse has the dialog up to the first command that go-smtp must see.
func (c *conn) converse() (err error) {
	defer c.contain(&err)
	if err := c.nextCommand(); err != nil {
		return err
	}
	c.engaged, c.unsaid = true, 2 // go-smtp's own greeting, and its reply to EHLO
	return nil
}

// moment is how long a client may think with a buffer at hand. Beyond it the next command may take one read more.
const moment = 50 * time.Millisecond

// rest waits for a client that has said all that it wanted so far.
func (c *conn) rest() error {
	if c.engaged || c.w > c.r {
		return nil
	}
	c.r, c.w = 0, 0
	n, err := c.receiveUntil(c.buf, time.Now().Add(moment))
	if c.w = n; n > 0 || err != nil {
		return err
	}
	c.giveBack()
	c.out, c.cmd = nil, command{}
	if err := c.fill(); err != nil {
		return err
	}
	c.settle()
	return nil
}

// hello answers HELO and EHLO, and returns what go-smtp shall hear of it now.
func (c *conn) hello(line string) (pass string) {
	c.greet()
	c.answered("250", "")
	if !c.engaged {
		c.unheard = line + "\r\n"
		return ""
	}
	return c.forget(line)
}

// greet puts the reply into the outbox, with what is offered.
func (c *conn) greet() {
	if c.cmd.verb == "HELO" {
		c.out = append(c.out, "250 "+c.cfg.Hostname+"\r\n"...)
		return
	}
	c.out = append(c.out, "250-"+c.cfg.Hostname+"\r\n"...)
	offer := func(keyword string, offered bool) {
		if offered {
			c.out = append(c.out, "250-"+keyword+"\r\n"...)
		}
	}
	offer("STARTTLS", c.cfg.TLS != nil && !c.secure)
	offer("AUTH PLAIN LOGIN", c.secure && c.cfg.Auth != nil)
	offer("REQUIRETLS", c.secure && c.tlsKept)
	c.out = append(c.out, "250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n"...)
	offer("SMTPUTF8", c.cfg.SMTPUTF8)
	offer("DSN", c.dsn)
	c.out = fmt.Appendf(c.out, "250-SIZE %d\r\n250 LIMITS RCPTMAX=%d\r\n", c.cfg.MaxMessageBytes, c.cfg.MaxRecipients)
}

// reset answers RSET.
func (c *conn) reset() (pass string) {
	c.say(250, [3]int{2, 0, 0}, "Session reset")
	if !c.engaged {
		return ""
	}
	return c.forget(c.cmd.verb)
}

// forget is what go-smtp shall hear so that it forgets the transaction. One that has begun with BDAT it works at on another goroutine, whose result it would take for that of the next message: so it
// is told first that this one ends, and hears from us that it is not to be.
func (c *conn) forget(line string) (pass string) {
	c.unsaid++
	if !c.txn.chunked {
		return line
	}
	c.unsaid++
	c.txn.abandoned = true
	return "BDAT 0 LAST\r\n" + line
}

// tooLarge refuses a chunk, passes over it, and has the message forgotten.
func (c *conn) tooLarge() (pass string) {
	c.say(refuseTooLarge.Code, refuseTooLarge.Enhanced, refuseTooLarge.Text)
	if c.skipChunk() != nil {
		return ""
	}
	return c.forget("RSET")
}

// quit answers QUIT where go-smtp cannot.
func (c *conn) quit() (pass string) {
	if c.engaged {
		return c.cmd.verb
	}
	c.say(221, [3]int{2, 0, 0}, "Bye")
	c.closing = true
	return ""
}
