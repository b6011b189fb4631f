package listener

import (
	"bytes"
	"fmt"
)

// outbox holds replies that were not sent yet.
type outbox struct {
	out     []byte
	partial []byte // a reply line that go-smtp has not ended yet
	unsaid  int    // replies of go-smtp's that the client had from us already
	promise bool   // out holds the reply to a message
	refusal bool   // out holds a refusal
}

// Write takes reply lines from go-smtp. They are sent when the client has to be waited for, so that replies to pipelined commands travel together.
func (c *conn) Write(p []byte) (n int, err error) {
	defer c.contain(&err)
	if c.dead.Load() || c.closed {
		return len(p), nil
	}
	n = len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		if !whole {
			c.partial = append(c.partial, p...)
			return n, nil
		}
		if len(c.partial) > 0 {
			line = append(c.partial, line...)
		}
		c.replyLine(string(bytes.TrimRight(line, "\r")))
		c.partial, p = c.partial[:0], rest
	}
}

// replyLine notes what go-smtp has answered and puts it into our words.
func (c *conn) replyLine(line string) {
	if len(line) < 4 {
		return
	}
	final := line[3] == ' '
	if c.unsaid > 0 {
		if final {
			c.unsaid--
		}
		return
	}
	c.out = append(c.out, c.words(line)...)
	if final {
		c.answered(line[:3], line[4:])
	}
}

// words replaces texts of go-smtp that repeat what the client said.
func (c *conn) words(line string) string {
	switch ok := line[0] == '2'; {
	case c.cmd.verb == "MAIL" && ok:
		return "250 2.1.0 Sender ok\r\n"
	case c.cmd.verb == "RCPT" && ok:
		return "250 2.1.5 Recipient ok\r\n"
	}
	return line + "\r\n"
}

// answered draws the consequences of a reply's code.
func (c *conn) answered(code, text string) {
	c.noData = false
	aboutMessage := c.cmd.verb == verbMessage || c.cmd.verb == "BDAT"
	if aboutMessage && code[0] != '2' && !c.dead.Load() {
		c.stats.failed++
	}
	if code[0] >= '4' && (aboutMessage || c.cmd.verb == "MAIL" || c.cmd.verb == "RCPT") && !c.dead.Load() {
		c.refused(code, text)
	}
	switch {
	case code == "354" && c.cmd.verb == "DATA":
		c.mode, c.cmd.verb = modeBody, verbMessage
	case code == "421":
		c.closing = true
		c.setEnd(EndRefused)
	case c.cmd.verb == "QUIT":
		c.setEnd(EndQuit)
	case code[0] == '4' || code[0] == '5':
		c.countRefusal()
	case aboutMessage:
		c.promise = true
	}
}

func (c *conn) countRefusal() {
	c.stats.faults++
	c.refusal = true
	if c.cmd.verb == "RCPT" {
		c.stats.refused++
		return
	}
	c.stats.errors++
	c.noData = c.cmd.verb == "DATA"
}

// say answers in go-smtp's place.
func (c *conn) say(code int, enhanced [3]int, text string) {
	text = replyText(code, enhanced, text)
	c.out = fmt.Appendf(c.out, "%d %s\r\n", code, text)
	c.answered(fmt.Sprint(code), text)
}

// flush sends what waits. A client that does not take it is left.
func (c *conn) flush() {
	if len(c.out) == 0 {
		return
	}
	c.armWrite()
	_, err := c.nc.Write(c.out)
	c.out, c.promise, c.refusal = c.out[:0], false, false
	if err != nil {
		c.die(EndReset, nil)
	}
}

// keepPromise sends a waiting 250 of an earlier message before a commit may take its time: were it lost, the message would come twice.
func (c *conn) keepPromise() {
	if c.promise {
		c.flush()
	}
}
