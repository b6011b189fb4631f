package logtail

import (
	"slices"

	"posthouse/evidence"
)

// tells notes what a line shows: that the log tells of mail, that it tells of logins.
func (p *position) tells(e Event) {
	if tellsOfMail(e) {
		p.LastMail = later(p.LastMail, e.At)
	}
	if tellsOfLogin(e) {
		p.LastLogin = later(p.LastLogin, e.At)
	}
}

// showed takes what the ledger knows: an earlier version did not keep what a log shows.
func (p *position) showed(o evidence.Observation) {
	p.tells(Event{At: o.At, Use: []evidence.Observation{o}})
	p.Proven = true
}

// tellsOfMail tells a log in which mail shows from one that shows logins alone.
func tellsOfMail(e Event) bool {
	return len(e.Delivered) > 0 || slices.ContainsFunc(e.Use, func(o evidence.Observation) bool { return o.Channel != evidence.Login })
}

func tellsOfLogin(e Event) bool {
	return e.Own == ourLogin || slices.ContainsFunc(e.Use, func(o evidence.Observation) bool { return o.Channel == evidence.Login })
}

// proves tells whether a line is such as tell of use: of a message, of a session, were it one of our own. A log that holds none of them (mail.warn, Exim's rejectlog, Exchange's log of what it sends) is a mail
// server's too, and says nothing of how the server is used. Of files that hold whole dialogs only what came of them is a proof: those that the server leads as a client look alike.
func (f *Follower) proves(e Event, r Result) bool {
	return r == Parsed && f.state.format.parse == nil || tellsOfMail(e) || tellsOfLogin(e) || e.Own != notOurs
}
