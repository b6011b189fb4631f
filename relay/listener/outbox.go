package listener

import (
	"bytes"
	"fmt"
)

// outbox holds replies that were not sent yet.
type outbox struct {
	out       []byte
	partial   []byte // a reply line that go-smtp has not ended yet
	multiline bool   // inside a reply of several lines
	promise   bool   // out holds the reply to a message
	refusal   bool   // out holds a refusal
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
	first, final := !c.multiline, line[3] == ' '
	c.multiline = !final
	c.out = append(c.out, c.words(line, first)...)
	if final {
		c.answered(line[:3], line[4:])
	}
}

// words replaces texts of go-smtp that repeat what the client said, and has the greeting name us.
func (c *conn) words(line string, first bool) string {
	verb, ok := c.cmd.verb, line[0] == '2'
	switch {
	case verb == "EHLO" && ok && first:
		return "250-" + c.cfg.Hostname + "\r\n" + c.extensions()
	case verb == "EHLO" && line == "250-DSN" && !c.dsn:
		return "" // SIZE comes after it: it is never the last
	case verb == "HELO" && ok:
		return "250 " + c.cfg.Hostname + "\r\n"
	case verb == "MAIL" && ok:
		return "250 2.1.0 Sender ok\r\n"
	case verb == "RCPT" && ok:
		return "250 2.1.5 Recipient ok\r\n"
	case verb == "" && ok:
		return "" // go-smtp's greeting: the client had ours in the lobby
	}
	return line + "\r\n"
}

// extensions are those that go-smtp cannot offer, because it does not know of our TLS.
func (c *conn) extensions() string {
	if c.cfg.TLS != nil && !c.secure {
		return "250-STARTTLS\r\n"
	}
	var more string
	if c.secure && c.cfg.Auth != nil {
		more = "250-AUTH PLAIN LOGIN\r\n"
	}
	if c.secure && c.tlsKept {
		more += "250-REQUIRETLS\r\n"
	}
	return more
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
