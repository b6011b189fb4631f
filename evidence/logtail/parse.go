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
	At  time.Time              // the line's stamp, UTC; zero if it has none
	Own bool                   // our own traffic: the log does show what happens
	Use []evidence.Observation // often none
}

// Dialect names.
const (
	Postfix = "postfix"
	Dovecot = "dovecot"
)

// Parse reads one line, without its line end. It never fails: a line it does not understand is Unparsed.
func Parse(line string, s *State) (Event, Result) {
	line = strings.TrimLeft(line, "\x00") // left behind where a machine lost power
	at, rest, ok := s.stamps.cut(line)
	if !ok {
		return Event{}, Unparsed
	}
	event := Event{At: at}
	h, ok := cutHeader(rest)
	if !ok {
		return event, Unparsed
	}
	result := Foreign
	switch dialect := dialectOf(h); {
	case dialect == "" && h.program == "":
		result = Unparsed
	case !s.reads(dialect):
	case dialect == Postfix:
		result = parsePostfix(h, s, &event)
		s.heard[dialect] = at
	case dialect == Dovecot:
		result = parseDovecot(h, s, &event)
		s.heard[dialect] = at
	}
	if event.Own {
		s.lastOwn = at
	}
	return event, result
}

func dialectOf(h header) string {
	switch {
	case strings.HasPrefix(h.program, "postfix"):
		return Postfix
	case strings.HasPrefix(h.program, "dovecot"), h.program == "" && isDovecot(h.text):
		return Dovecot
	}
	return ""
}
