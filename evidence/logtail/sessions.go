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

// begin takes a login. Its end may have been read before.
func (s *State) begin(key string, l session, own bool, event *Event) Result {
	ended := s.logoutOf(key)
	switch {
	case own:
		if ended.IsZero() {
			s.own.put(hash(key), event.At)
		}
		event.Own = ourLogin
		return Parsed
	case !ended.IsZero():
		s.end(key, l, later(event.At, ended), event)
		return Parsed
	}
	if before, ok := s.sessions.get(key); ok && !l.named {
		l.count += before.count
	}
	s.sessions.put(key, l)
	o := s.loginOf(key, l)
	o.Open = true
	event.Use = append(event.Use, o)
	return Parsed
}

// moment takes a login whose end is not told anywhere: use at that moment.
func (s *State) moment(l session, event *Event) Result {
	if s.isOwn(l.client, l.user, "") {
		event.Own = ourLogin
		return Parsed
	}
	event.Use = append(event.Use, s.loginOf("", l))
	return Parsed
}

// finish takes the end of a session, and tells whether its login was read. named: it has an id.
func (s *State) finish(key string, named bool, event *Event) (known bool) {
	if _, own := s.own.get(hash(key)); own {
		if named {
			s.own.remove(hash(key))
		}
		event.Own = ourLogin
		return true
	}
	l, known := s.sessions.get(key)
	switch {
	case known && l.count > 1:
		l.count--
		s.sessions.put(key, l)
	case known:
		s.sessions.remove(key)
		s.end(key, l, event.At, event)
	}
	return known
}

func (s *State) end(key string, l session, until time.Time, event *Event) {
	o := s.loginOf(key, l)
	o.Until = until
	event.Use = append(event.Use, o)
}

// finishAll ends all sessions: the server started anew.
func (s *State) finishAll(event *Event) Result {
	for key, l := range s.sessions.each {
		s.end(key, l, event.At, event)
	}
	s.sessions = newBounded[string, session](maxSessions)
	s.places = newBounded[string, string](maxSessions)
	return Parsed
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
	if strings.HasPrefix(o.Message, activityMark) {
		s.reactivate(o)
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
		if place := placeOf(o.Message); place != "" {
			s.places.put(place, key)
		}
	}
}
