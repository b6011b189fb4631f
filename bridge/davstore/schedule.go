package davstore

import (
	"slices"
	"strings"

	"posthouse/bridge/object"
)

// invites reports whether a server that schedules by itself would send messages when it is given the object (RFC 6638 §3.2): to the attendees if the owner is the organiser, to the organiser if the owner is an
// attendee. Who has been told that others see to it (SCHEDULE-AGENT) gets none. Without addresses the owner may be anybody.
func invites(raw []byte, owner []string) bool {
	is := func(l object.Line) bool { return len(owner) == 0 || slices.Contains(owner, plainAddress(l.Value())) }
	organises, attends, organiser, attendees := false, false, false, false // the latter two: others, who would be told
	other := func(l object.Line) bool { return !left(l) && (len(owner) == 0 || !is(l)) }
	for _, l := range object.Lines(raw) {
		switch l.Name() {
		case "ORGANIZER":
			organises = organises || is(l)
			organiser = organiser || other(l)
		case "ATTENDEE":
			attends = attends || is(l)
			attendees = attendees || other(l)
		}
	}
	return organises && attendees || attends && organiser
}

// left reports whether scheduling with this one is left to the client.
func left(l object.Line) bool {
	agent := l.Param("SCHEDULE-AGENT")
	return strings.EqualFold(agent, "CLIENT") || strings.EqualFold(agent, "NONE")
}
