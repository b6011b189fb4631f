package delivery

import (
	"slices"
	"time"
)

// Without CHUNKING a message takes two round trips: one for its envelope and DATA, one for itself. What follows a message need not wait for the reply to it (RFC 2920 §3.1), so the envelope of
// the message that the same caller sends next goes along with the end of this one, DATA included, and each takes one. Nothing of the next one is decided by that: if it does not come after
// all, or not as it was announced, the connection is cut, and a DATA without an end is nothing.

// Next is what a message that is to be sent next will be.
type Next struct {
	Envelope Envelope
	Size     int64
}

// aheadTimeout is how long a next hop is kept waiting for a message that was announced to it.
const aheadTimeout = 5 * time.Second

// hearTimeout is how long the first reply to what was announced may take. Who has said nothing by then has thrown it away, and is told nothing ahead any more.
const hearTimeout = 30 * time.Second

// ahead is the message that a session has announced.
type ahead struct {
	env  Envelope
	size int64
}

// announce returns the commands for what is sent next, "" where there is nothing, or where it should not be told to this next hop in this session.
func (t *transaction) announce() string {
	if !t.announces || t.env.Next == nil || !t.c.pipelining() || t.closing.Code != 0 || t.c.dest.Protocol == LMTP || t.c.whom != "" || !t.c.lasts() {
		return ""
	}
	next, some := t.env.Next()
	if !some || next.Envelope.ID == "" {
		return ""
	}
	env := &next.Envelope
	if xforward(env.Origin, t.c.ext) != "" || len(env.Recipients) > rcptsPerFlight || t.c.ext.fit(env, next.Size) != nil {
		return ""
	}
	live, err := admit(env, make([]Outcome, len(env.Recipients)))
	if err != nil || len(live) < len(env.Recipients) || slices.ContainsFunc(env.Recipients, func(r Recipient) bool { return t.c.ext.fitRecipient(&r) != nil }) {
		return ""
	}
	t.c.ahead = &ahead{next.Envelope, next.Size}
	n := transaction{c: t.c, env: env, src: &source{size: next.Size}, live: live}
	text := n.mail()
	for _, i := range live {
		text += n.rcpt(i)
	}
	return text + "DATA\r\n"
}

// lasts reports whether the session may carry another message.
func (c *conn) lasts() bool {
	return !c.dead && c.messages < c.dest.MaxMessages && time.Since(c.opened) < c.dest.MaxAge
}

// announced takes out the session that was told of a message just like this one; whoever was told of another that goes by the same name is cut.
func (p *pool) announced(env *Envelope, size int64) *conn {
	if env.ID == "" {
		return nil
	}
	c := p.pop(func(c *conn) bool { return c.ahead != nil && c.ahead.env.ID == env.ID })
	if c != nil && !(c.ahead.size == size && c.ahead.env.same(env)) {
		c.abort()
		return nil
	}
	return c
}

// same reports whether both say the same in MAIL and RCPT.
func (e *Envelope) same(o *Envelope) bool {
	return e.From == o.From && e.UTF8 == o.UTF8 && e.EightBit == o.EightBit && e.BareNewline == o.BareNewline && e.RequireTLS == o.RequireTLS && e.Ret == o.Ret && e.EnvID == o.EnvID &&
		slices.EqualFunc(e.Recipients, o.Recipients, func(a, b Recipient) bool {
			return a.Address == b.Address && a.ORcpt == b.ORcpt && slices.Equal(a.Notify, b.Notify)
		})
}
