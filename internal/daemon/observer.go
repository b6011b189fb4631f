package daemon

import (
	"fmt"

	"posthouse/internal/control"
	"posthouse/relay/listener"
)

// observer hears of what clients of the listeners do.
type observer struct{ d *Daemon }

// Connected notes a connection from outside: one from this very machine's own address proves nothing.
func (o observer) Connected(s listener.Session) {
	o.d.metrics.Session(s.Listener)
	if s.Remote.Addr().Unmap() == s.Local.Addr().Unmap() {
		return
	}
	o.d.witness.Contact(s.Listener, o.d.opts.Clock.Now())
}

// MessageRefused counts: what came of the message tells the log.
func (o observer) MessageRefused(s listener.Session, code string) {
	o.d.metrics.MessageRefused(s.Listener, code)
}

// RecipientRefused and Abused tell of clients that have connected: for the testimony that is noted already.
func (o observer) RecipientRefused(s listener.Session, rcpt string, why *listener.Refusal) {
	code := fmt.Sprintf("%d %d.%d.%d", why.Code, why.Enhanced[0], why.Enhanced[1], why.Enhanced[2])
	o.d.metrics.Refused(s.Listener, code)
	o.d.feed.tell(func() control.Event {
		e := event(control.RecipientRefused, s)
		e.To, e.Reply = []string{rcpt}, code+" "+why.Text
		return e
	})
}

func (o observer) Abused(s listener.Session, what listener.Abuse) {
	o.d.metrics.Abused(s.Listener, string(what))
	o.d.feed.tell(func() control.Event {
		e := event(control.ClientAbused, s)
		e.Detail = string(what)
		return e
	})
}
