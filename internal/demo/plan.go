package demo

import "time"

// plan is when things happen, since the beginning and on the demonstration's clock, and how much. A beat may come later, when it waits for something; never earlier.
type plan struct {
	messages int // in the old mailboxes at first
	letters  int // sent by the senders
	written  int // written by people on the old side
	marked   int // messages that people mark there
	removed  int // messages that people remove there

	switched  time.Duration // the MX records
	crash     time.Duration
	moved     time.Duration // the last mailboxes get their new home
	quietFrom time.Duration // nobody uses the old side from then on, but for the last late message
	lastLate  time.Duration
	quiet     time.Duration // silence that the verdict asks for
	inHand    int           // messages sent to be in hand when the service is killed
}

const hour = time.Hour

// fullPlan is that of `posthouse demo`: a little more than twelve days.
var fullPlan = plan{
	messages: 8400, letters: 1150, written: 110, marked: 60, removed: 12,
	switched: 2*24*hour + 21*hour, crash: 3*24*hour + 4*hour, moved: 5 * 24 * hour,
	quietFrom: 8*24*hour + 12*hour, lastLate: 9*24*hour + 11*hour, quiet: 3 * 24 * hour, inHand: 8,
}

// smallPlan is for tests: a little more than two days.
var smallPlan = plan{
	messages: 600, letters: 150, written: 20, removed: 4, // nobody marks: marks are looked for too rarely for two days
	switched: 8 * hour, crash: 14 * hour, moved: 24 * hour, quietFrom: 32 * hour, lastLate: 34 * hour, quiet: 12 * hour, inHand: 8,
}

// day0 is a Monday.
var day0 = time.Date(2026, time.November, 2, 0, 0, 0, 0, time.UTC)
