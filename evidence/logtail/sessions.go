package logtail

import (
	"net/netip"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// session is a login that has not ended.
type session struct {
	at      time.Time
	channel evidence.Channel
	user    string
	client  netip.Addr
	detail  string
	named   bool // it has an id
	count   int  // logins under one key, where sessions have no ids
}

// sessionKey names a session: by its id, or where the log has none by service and user.
func sessionKey(service, user, id string) string {
	if id != "" {
		return strings.Clone(id)
	}
	return service + " " + user
}

// loginOf is the observation of a session.
func (s *State) loginOf(key string, l session) evidence.Observation {
	o := s.observation(l.at, l.channel)
	o.Sender, o.Client, o.Detail = l.user, l.client, l.detail
	if l.named {
		o.Message = key
	}
	if strings.Contains(l.user, "@") {
		o.Mailbox = cutover.MailboxID(strings.ToLower(l.user))
	}
	return o
}

// reopen takes up what the ledger knows of sessions: their beginnings and ends, in order of time.
func (s *State) reopen(o evidence.Observation) {
	if o.Source != s.c.Source || (!o.Open && o.Until.IsZero()) {
		return
	}
	key := o.Message
	if key == "" {
		key = sessionKey(strings.ToLower(o.Detail), o.Sender, "")
	}
	l, known := s.sessions.get(key)
	switch {
	case !o.Open && l.count > 1:
		l.count--
		s.sessions.put(key, l)
	case !o.Open:
		s.sessions.remove(key)
	case !known || o.Message == "":
		s.sessions.put(key, session{o.At, o.Channel, o.Sender, o.Client, o.Detail, o.Message != "", l.count + 1})
	}
}
