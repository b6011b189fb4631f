package testserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *smtpSession) data() bool {
	switch {
	case len(c.env.Rcpts) == 0:
		c.reply(503, "5.5.1 No valid recipients")
	case c.chunk || slices.ContainsFunc(c.env.Args, isBinary):
		c.reply(503, "5.5.1 Use BDAT")
	default:
		reply, handled, over := c.ask(AtData, "")
		if over || handled && reply.Code != 354 {
			return !over
		}
		if !handled {
			c.reply(354, "Go ahead")
		}
		read := readDots
		if c.s.cfg.Lenient {
			read = readAnyDot
		}
		body, err := read(c.in)
		if err != nil {
			return false
		}
		c.env.Data = body
		return c.finish()
	}
	return true
}

func isBinary(param string) bool { return strings.EqualFold(param, "BODY=BINARYMIME") }

// readDots reads to CRLF.CRLF and to nothing else (RFC 5321 §4.1.1.4), and undoes dot-stuffing. The CRLF before the final dot
// belongs to the message.
func readDots(in *bufio.Reader) ([]byte, error) {
	var body []byte
	lineStart := true
	for {
		piece, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if lineStart {
			if string(piece) == ".\r\n" {
				return body, nil
			}
			piece = bytes.TrimPrefix(piece, []byte("."))
		}
		body = append(body, piece...)
		lineStart = bytes.HasSuffix(body, []byte("\r\n"))
	}
}

// readAnyDot takes CR, LF and CRLF for the end of a line, and so for the end of the dot's.
func readAnyDot(in *bufio.Reader) ([]byte, error) {
	var body []byte
	lineStart := true
	for {
		c, err := in.ReadByte()
		if err != nil {
			return nil, err
		}
		if lineStart && c == '.' {
			if ended, err := endsLine(in); ended || err != nil {
				return body, err
			}
			lineStart = false
			continue
		}
		body = append(body, c)
		lineStart = c == '\r' || c == '\n'
	}
}

// endsLine takes a line end in, if there is one; the LF behind a CR only where it is there already.
func endsLine(in *bufio.Reader) (bool, error) {
	c, err := in.ReadByte()
	if err != nil {
		return false, err
	}
	if c != '\r' && c != '\n' {
		return false, in.UnreadByte()
	}
	if c == '\r' && in.Buffered() > 0 {
		if next, _ := in.Peek(1); next[0] == '\n' {
			_, err = in.ReadByte()
		}
	}
	return true, err
}

// bdat takes one chunk (RFC 3030). A size that does not parse leaves no way to tell octets from commands, so the session ends.
func (c *smtpSession) bdat(arg string) bool {
	fields := strings.Fields(arg)
	size, last, ok := parseChunk(fields)
	if !ok || !c.offers("CHUNKING") {
		c.reply(501, "5.5.4 Syntax: BDAT size [LAST]")
		c.hangUp()
		return false
	}
	chunk := make([]byte, size)
	if _, err := io.ReadFull(c.in, chunk); err != nil {
		return false
	}
	if len(c.env.Rcpts) == 0 {
		c.reply(503, "5.5.1 No valid recipients")
		return true
	}
	c.chunk = true
	c.env.Chunked = true
	c.env.Data = append(c.env.Data, chunk...)
	if last {
		return c.finish()
	}
	reply, handled, over := c.ask(AtChunk, fields[0])
	switch {
	case !handled:
		c.reply(250, "2.0.0 "+fields[0]+" octets received")
	case reply.Code/100 != 2:
		c.resetMail() // RFC 3030 §2: the chunks that follow a refused one are answered 503
	}
	return !over && !c.over
}

func parseChunk(fields []string) (size int64, last, ok bool) {
	if len(fields) < 1 || len(fields) > 2 {
		return 0, false, false
	}
	last = len(fields) == 2
	if last && !strings.EqualFold(fields[1], "LAST") {
		return 0, false, false
	}
	size, err := strconv.ParseInt(fields[0], 10, 32)
	return size, last, err == nil && size >= 0
}

// finish decides about a message that has been read to its end: once, or once per recipient in LMTP.
func (c *smtpSession) finish() bool {
	defer c.resetMail()
	c.env.At = time.Now()
	if c.tooLarge(int64(len(c.env.Data))) {
		for range c.finals() {
			c.reply(552, "5.3.4 Message too large")
		}
		return true
	}
	for _, to := range c.finals() {
		if !c.final(to) {
			return false
		}
	}
	return true
}

// finals are the recipients that get a final reply of their own; the empty one stands for all of them.
func (c *smtpSession) finals() []string {
	if c.s.cfg.LMTP {
		return c.env.Recipients()
	}
	return []string{""}
}

func (c *smtpSession) final(to string) bool {
	return c.step(AtBody, to, func() {
		if err := c.s.keep(c.accepted(to)); err != nil {
			c.reply(451, "4.3.0 "+strings.ReplaceAll(err.Error(), "\n", " "))
			return
		}
		c.reply(250, "2.0.0 Accepted as "+strconv.Itoa(c.s.Accepted()))
	})
}

// accepted is the envelope to record: whole, or for one recipient in LMTP.
func (c *smtpSession) accepted(to string) *Envelope {
	e := *c.env
	if to != "" {
		e.Rcpts = slices.DeleteFunc(slices.Clone(e.Rcpts), func(r Rcpt) bool { return r.To != to })
	}
	return &e
}
