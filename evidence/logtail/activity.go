package logtail

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"posthouse/evidence"
)

// activity is the use of a server by one client whose log shows what it does, but not when it goes: requests by HTTP, commands of a session whose end may be
// missing. It is a session that ends with the last line before a silence of activityEnds.
type activity struct {
	session
	id   string // in the ledger
	last time.Time
}

// activityEnds is longer than a phone waits for news with ActiveSync's Ping: 59 minutes; and than the files of one log are behind each other.
const activityEnds = 90 * time.Minute

// activityLasts is when one that never falls silent is counted anew: open sessions are looked for only so far back after a restart (sessionAge).
const activityLasts = 24 * time.Hour

// client is who is active, and by what.
type client struct {
	service string // IMAP, EAS
	user    string
	addr    netip.Addr
	agent   string // software or device, for people; no part of the identity
}

const activityMark = "use:"

// key is the identity without the time at which it began.
func (c client) key() string {
	h := fnv.New64a()
	for _, part := range []string{c.service, strings.ToLower(c.user), c.addr.String()} {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return activityMark + hex.EncodeToString(h.Sum(nil))
}

// touch notes that a client is active: it begins a session, or goes on with one.
func (s *State) touch(c client, event *Event) {
	switch {
	case s.isOwn(c.addr, c.user, ""):
		event.Own = ourLogin
		return
	case c.user == "" || isMonitor(c.user):
		return
	}
	key := c.key()
	a, known := s.active.get(key)
	switch {
	case known && event.At.Sub(a.last) <= activityEnds && event.At.Sub(a.at) <= activityLasts:
		a.last = later(a.last, event.At)
		return
	case known:
		s.rest(key, a, event)
	}
	detail := strings.TrimSpace(c.service + " " + c.agent)
	a = &activity{last: event.At, session: session{
		at: event.At, channel: evidence.Login, user: strings.Clone(c.user), client: c.addr, detail: detail, named: true, count: 1,
	}}
	a.id = fmt.Sprintf("%s@%d", key, event.At.UnixMicro())
	s.makeRoom(event)
	s.active.put(key, a)
	o := s.loginOf(a.id, a.session)
	o.Open = true
	event.Use = append(event.Use, o)
}

// makeRoom ends the oldest session where there are too many: one that is only forgotten would seem to last for ever.
func (s *State) makeRoom(event *Event) {
	if s.active.len() < s.active.max {
		return
	}
	for key, a := range s.active.each {
		s.rest(key, a, event)
		return
	}
}

// leave ends a client's session: it said goodbye.
func (s *State) leave(c client, event *Event) {
	key := c.key()
	if a, ok := s.active.get(key); ok {
		a.last = later(a.last, event.At)
		s.rest(key, a, event)
	}
}

func (s *State) rest(key string, a *activity, event *Event) {
	s.active.remove(key)
	s.end(a.id, a.session, a.last, event)
}

// idle ends the sessions of those that have been silent for long, at that time of the log.
func (s *State) idle(now time.Time) []evidence.Observation {
	var event Event
	for key, a := range s.active.each {
		if now.Sub(a.last) > activityEnds {
			s.rest(key, a, &event)
		}
	}
	return event.Use
}

// reactivate takes up what the ledger knows of an activity. When it was last seen is not known: at most when the log was last read.
func (s *State) reactivate(o evidence.Observation) {
	key, _, _ := strings.Cut(o.Message, "@")
	if !o.Open {
		if a, ok := s.active.get(key); ok && a.id == o.Message {
			s.active.remove(key)
		}
		return
	}
	s.active.put(key, &activity{id: o.Message, last: later(o.At, s.stamps.ref), session: session{o.At, o.Channel, o.Sender, o.Client, o.Detail, true, 1}})
}
