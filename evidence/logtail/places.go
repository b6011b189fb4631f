package logtail

import (
	"strings"
	"time"
)

// The end of a session is found by its place where the line of the end does not tell the session's id: a process (Cyrus), or a client's address and port (Courier). A place
// holds one session at a time.

// beginAt takes a login at a place. Whatever session was there before has ended.
func (s *State) beginAt(place, key string, l session, own bool, event *Event) Result {
	if before, ok := s.places.get(place); ok && before != key {
		s.finish(before, true, event)
	}
	s.places.put(place, key)
	return s.begin(key, l, own, event)
}

// finishAt takes the end of the session at a place, and tells whether its login was read.
func (s *State) finishAt(place string, event *Event) (known bool) {
	key, ok := s.places.get(place)
	s.places.remove(place)
	return ok && s.finish(key, true, event)
}

// placeOf is the place that a session's id names; "" for ids that stand in the line of the end themselves.
func placeOf(id string) string {
	if client, _, ok := strings.Cut(id, placeMark); ok {
		return client
	}
	return cyrusPlace(id)
}

// placeMark stands between a client's port and a time: both together are not met again.
const placeMark = " since "

func placedID(place string, at time.Time) string { return place + placeMark + at.Format(time.RFC3339) }
