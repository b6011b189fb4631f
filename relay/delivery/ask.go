package delivery

import (
	"context"
	"fmt"
	"strings"
)

// Ask asks the next hop whether it would take mail for an address: MAIL with
// the null reverse-path, RCPT, RSET; never DATA. It uses the sessions that Send
// does. The reply is the one to RCPT, whatever it is but a 421.
//
// The error is an *Unfit if the address cannot be asked for, a *SessionError
// for trouble with the connection, a refused MAIL or a 421, which say nothing
// of the address, ErrStopped or ctx's cause.
func (c *Client) Ask(ctx context.Context, address string) (Reply, error) {
	if u := checkPath(address); u != nil {
		return Reply{}, u
	}
	ctx, cancel := c.lifetime(ctx)
	defer cancel()
	if err := c.pool.enter(ctx); err != nil {
		return Reply{}, err
	}
	defer c.pool.leave()
	for {
		s, reused, err := c.session(ctx, &Envelope{}, 0)
		if err != nil {
			return Reply{}, err
		}
		if !isASCII(address) && !s.ext.has("SMTPUTF8") {
			c.pool.put(s)
			return Reply{}, &Unfit{UTF8, address}
		}
		c.disbelieve(s)
		q := &question{c: s}
		done := s.watch(ctx)
		r, err := q.put(address)
		s.dead = !done() || s.dead
		c.pool.put(s)
		if s.thrownAway(q.heard, err) {
			c.goInSteps()
		}
		if !reused || !q.stale(err) || ctx.Err() != nil {
			return r, c.ended(ctx, err)
		}
		c.pool.flush()
	}
}

// question is one question on one session.
type question struct {
	c     *conn
	heard int // replies read
	bye   bool
}

// put says everything at once where PIPELINING is offered. The session is dead
// after anything surprising.
func (q *question) put(address string) (Reply, error) {
	c := q.c
	c.clean, c.dead = false, true
	c.messages++
	mail := "MAIL FROM:<>"
	if !isASCII(address) {
		mail += " SMTPUTF8"
	}
	commands := []string{mail + "\r\n", "RCPT TO:<" + address + ">\r\n", "RSET\r\n"}
	replies := make([]Reply, len(commands))
	for i, command := range commands {
		if c.pipelining() {
			command = ""
			if i == 0 {
				command = strings.Join(commands, "")
			}
		}
		var err error
		if replies[i], err = q.say(command); err != nil && i < 2 {
			return Reply{}, err
		}
	}
	c.clean = replies[2].Positive() && c.r.Buffered() == 0
	c.dead = !c.clean
	if !replies[0].Positive() {
		return Reply{}, c.refused(StageEnvelope, replies[0])
	}
	return replies[1], nil
}

// say writes a command, if there is one, and reads a reply that is 2xx, 4xx or
// 5xx and does not end the session.
func (q *question) say(command string) (Reply, error) {
	if command != "" {
		if _, err := q.c.write([]byte(command)); err != nil {
			return Reply{}, q.c.failed(StageEnvelope, err)
		}
	}
	r, err := q.c.reply(q.c.dest.Timeouts.Command)
	if err != nil {
		return Reply{}, q.c.failed(StageEnvelope, err)
	}
	q.heard++
	switch {
	case r.Code == 421:
		q.bye = true
		return Reply{}, q.c.refused(StageEnvelope, r)
	case !r.Positive() && !r.Negative():
		return Reply{}, q.c.failed(StageEnvelope, fmt.Errorf("%w: unexpected %s", errProtocol, r))
	}
	return r, nil
}

// stale reports that the session had died while it was idle.
func (q *question) stale(err error) bool {
	return err != nil && (q.heard == 0 && hungUp(err) || q.heard == 1 && q.bye)
}
