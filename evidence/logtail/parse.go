package logtail

import (
	"strings"
	"time"

	"posthouse/evidence"
)

// Result tells what became of a line.
type Result int

const (
	Foreign  Result = iota // of a program that is no mail server of ours
	Known                  // of a mail server, and without meaning for the evidence
	Parsed                 // understood: it changed the state or gave observations
	Unparsed               // of a mail server or of nobody, and not understood
)

var resultNames = [...]string{"foreign", "known", "parsed", "unparsed"}

func (r Result) String() string { return resultNames[r] }

// Event is what one line says.
type Event struct {
	At      time.Time              // the line's stamp, UTC; zero if it has none
	Dialect string                 // whose line it is; "" where nobody knows
	Own     ours                   // our own traffic: the log does show what happens
	Use     []evidence.Observation // often none
	// Delivered are messages that the old server put into its mailboxes, or that were lost on the way there; often none.
	Delivered []evidence.LocalDelivery
}

// Parse reads one line, without its line end. It never fails: a line it does not understand is Unparsed.
func Parse(line string, s *State) (Event, Result) {
	if s.format.parse != nil {
		return s.parseFormat(line)
	}
	at, rest, ok := s.stamps.cut(classic(line))
	if !ok {
		return Event{}, Unparsed
	}
	d, h, ok := of(strings.TrimLeft(rest, " "))
	switch {
	case !ok:
		return Event{At: at}, Unparsed
	case d == nil || !s.reads(d.name):
		return Event{At: at}, Foreign
	}
	s.event = Event{At: at, Dialect: d.name}
	result := d.parse(h, s, &s.event)
	s.heard[d.name] = at
	s.showsOwn(d.name, &s.event)
	return s.event, result
}
