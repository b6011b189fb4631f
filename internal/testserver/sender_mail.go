package testserver

import (
	"errors"
	"fmt"
	"strings"
)

// envelope says one command at a time and stops where the server refuses.
func (s Sender) envelope(c *dialogue, r *Result, from string, to []string) error {
	if err := c.ask(&r.Mail, "%s", s.mailLine(from)); err != nil || !r.Mail.OK() {
		r.Final = r.Mail
		return err
	}
	for _, addr := range to {
		var a Answer
		if err := c.ask(&a, "%s", s.rcptLine(addr)); err != nil {
			return err
		}
		r.Rcpts = append(r.Rcpts, a)
		r.Final = a
	}
	if r.accepted() == 0 || s.BDAT {
		return nil
	}
	err := c.ask(&r.Data, "DATA\r\n")
	r.Final = r.Data
	return err
}

// envelopeAtOnce sends the whole envelope in one write and then reads the answers (RFC 2920).
func (s Sender) envelopeAtOnce(c *dialogue, r *Result, from string, to []string) error {
	var all strings.Builder
	all.WriteString(s.mailLine(from))
	for _, addr := range to {
		all.WriteString(s.rcptLine(addr))
	}
	if !s.BDAT {
		all.WriteString("DATA\r\n")
	}
	if err := c.ask(&r.Mail, "%s", all.String()); err != nil {
		return err
	}
	r.Final = r.Mail
	r.Rcpts = make([]Answer, len(to))
	for i := range to {
		if err := c.read(&r.Rcpts[i]); err != nil {
			return err
		}
		if r.Mail.OK() {
			r.Final = r.Rcpts[i]
		}
	}
	if s.BDAT {
		return nil
	}
	if err := c.read(&r.Data); err != nil {
		return err
	}
	if r.Data.Code == 354 && r.accepted() == 0 { // RFC 2920 §3.1: such a server gets an empty message
		return c.ask(&r.Final, ".\r\n")
	}
	if r.accepted() > 0 {
		r.Final = r.Data
	}
	return nil
}

func (s Sender) mailLine(from string) string {
	return strings.TrimRight("MAIL FROM:<"+from+"> "+s.MailParams, " ") + "\r\n"
}

func (s Sender) rcptLine(to string) string {
	return strings.TrimRight("RCPT TO:<"+to+"> "+s.RcptParams, " ") + "\r\n"
}

func (r *Result) accepted() int {
	n := 0
	for _, a := range r.Rcpts {
		if a.OK() {
			n++
		}
	}
	return n
}

// content sends the message and reads the final answers.
func (s Sender) content(c *dialogue, r *Result, msg []byte) error {
	var err error
	refused := false
	if s.BDAT {
		refused, err = s.chunks(c, r, msg)
	} else {
		err = s.dots(c, msg)
	}
	if err != nil || refused {
		return err
	}
	finals := 1
	if s.LMTP {
		finals = r.accepted()
	}
	for range finals {
		if err := c.read(&r.Final); err != nil {
			return err
		}
		if s.LMTP {
			r.Finals = append(r.Finals, r.Final)
		}
	}
	return nil
}

func (s Sender) dots(c *dialogue, msg []byte) error {
	if s.Unfinished {
		return errors.Join(c.send(string(Stuff(msg))), ErrUnfinished)
	}
	return c.send(string(Stuff(msg)) + ".\r\n")
}

// chunks leaves the answer to the last chunk to be read; the earlier ones are read here, and a refusal ends the message.
func (s Sender) chunks(c *dialogue, r *Result, msg []byte) (refused bool, err error) {
	size := s.Chunk
	if size <= 0 {
		size = len(msg)
	}
	for len(msg) > size {
		if err := c.ask(&r.Final, "BDAT %d\r\n%s", size, msg[:size]); err != nil || !r.Final.OK() {
			return true, err
		}
		msg = msg[size:]
	}
	if s.Unfinished && len(msg) > 0 {
		return false, errors.Join(c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(msg), msg[:len(msg)-1])), ErrUnfinished)
	}
	return false, c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(msg), msg))
}
