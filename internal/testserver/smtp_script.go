package testserver

import (
	"io"
	"strings"
	"time"
)

// Stage is a step of an SMTP session at which a script is asked.
type Stage string

// The stages. AtBody comes when the whole message has been read; in LMTP once for each recipient, with its address as Arg.
const (
	AtConnect  Stage = "connect"
	AtHelo     Stage = "helo"     // Arg: the name
	AtStartTLS Stage = "starttls" // asked before the handshake
	AtAuth     Stage = "auth"     // Arg: the mechanism
	AtMail     Stage = "mail"     // Arg: the sender's address
	AtRcpt     Stage = "rcpt"     // Arg: the recipient's address
	AtData     Stage = "data"     // before 354
	AtChunk    Stage = "chunk"    // after each BDAT but the last; Arg: its size
	AtBody     Stage = "body"
	AtReset    Stage = "rset"
	AtNoop     Stage = "noop"
	AtQuit     Stage = "quit"
)

// SMTPCall is what a script is asked about.
type SMTPCall struct {
	Stage Stage
	Arg   string
	// Envelope is what is known so far: at AtBody complete, Data included. It must not be changed.
	Envelope *Envelope
}

// Reply is what a script answers instead of the server. The effects come in the order of the fields.
type Reply struct {
	// Accept, at AtBody, takes the message (Deliver, record) whatever the client is then told.
	Accept bool
	// Delay is waited first; Stop ends it.
	Delay time.Duration
	// Stall never answers: the connection stays open until the client or Stop closes it.
	Stall bool
	// Drop closes the connection without an answer. With Accept it is the accepted message whose reply is lost.
	Drop bool
	// Code and Text are sent; lines of Text are separated by \n and carry the enhanced code themselves. Code 0 stands for
	// the server's own answer. At AtBody a code of 2xx accepts the message.
	Code int
	Text string
	// Close closes the connection after the answer.
	Close bool
}

// Refuse is a Reply that only says code and text.
func Refuse(code int, text string) *Reply { return &Reply{Code: code, Text: text} }

// ask asks the script about a step. over means that the session must end; handled that the reply has been given.
func (c *smtpSession) ask(stage Stage, arg string) (r Reply, handled, over bool) {
	if c.s.cfg.Script == nil {
		return r, false, false
	}
	answer := c.s.cfg.Script(SMTPCall{Stage: stage, Arg: arg, Envelope: c.env})
	if answer == nil {
		return r, false, false
	}
	r = *answer
	if stage == AtBody && (r.Accept || r.Code/100 == 2) {
		if r.Code == 0 && !r.Drop && !r.Stall {
			r.Code, r.Text = 250, "2.0.0 Accepted"
		}
		if err := c.s.keep(c.accepted(arg)); err != nil {
			r.Code, r.Text = 451, "4.3.0 "+err.Error()
		}
	}
	return c.perform(r)
}

// perform does what a scripted reply asks for.
func (c *smtpSession) perform(r Reply) (_ Reply, handled, over bool) {
	if !c.pause(r.Delay) {
		return r, true, true
	}
	switch {
	case r.Stall:
		_ = c.out.Flush()
		_, _ = io.Copy(io.Discard, c.in)
		return r, true, true
	case r.Drop:
		_ = c.out.Flush()
		return r, true, true
	case r.Code != 0:
		c.reply(r.Code, strings.Split(r.Text, "\n")...)
	}
	if r.Close {
		c.hangUp()
	}
	return r, r.Code != 0 || r.Close, r.Close
}

// step asks the script and lets run do the server's own part if the script leaves it. It reports whether the session goes on.
func (c *smtpSession) step(stage Stage, arg string, run func()) bool {
	_, handled, over := c.ask(stage, arg)
	if !handled {
		run()
	}
	return !over && !c.over
}

// pause waits and reports false if Stop came first.
func (c *smtpSession) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.quit:
		return false
	}
}
