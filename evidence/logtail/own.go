package logtail

import (
	"maps"
	"time"
)

// ours is what a line shows of our own traffic.
type ours int

const (
	notOurs  ours = iota
	ourMail       // a message that was taken: a test mail, a copy
	ourLogin      // a session's beginning or end
)

// Own is when each dialect last showed our own traffic. One that shows mail and logins may have ceased to show one of them.
type Own struct {
	Mail   map[string]time.Time `json:"mail,omitempty"`
	Logins map[string]time.Time `json:"logins,omitempty"`
}

func newOwn() Own { return Own{map[string]time.Time{}, map[string]time.Time{}} }

func (o Own) clone() Own { return Own{maps.Clone(o.Mail), maps.Clone(o.Logins)} }

// add takes in what is known of another time.
func (o Own) add(other Own) {
	maps.Copy(o.Mail, other.Mail)
	maps.Copy(o.Logins, other.Logins)
}

// formerly is what an earlier version tells. It did not say what was shown: it stands for both, but not for mail of Courier, whose programs for reading are used beside other transports.
func formerly(shown map[string]time.Time) Own {
	mail := maps.Clone(shown)
	delete(mail, Courier)
	return Own{mail, shown}
}

// showsOwn notes what a line showed of our own traffic.
func (s *State) showsOwn(dialect string, event *Event) {
	switch event.Own {
	case ourMail:
		s.ownBy.Mail[dialect] = event.At
	case ourLogin:
		s.ownBy.Logins[dialect] = event.At
	default:
		return
	}
	s.lastOwn = event.At
}
