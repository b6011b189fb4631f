// Package pace decides how fast and how often to knock at somebody's door.
//
// A Schedule says how long to wait after the n-th failed attempt. A Window says
// how many pieces of work may be in flight: it doubles with each whole window
// that was accepted until the other side throttles for the first time, then grows
// by one, and halves at each throttling, as TCP does and for the same reason. A
// Breaker stops everybody from trying a destination that cannot be reached, and
// lets one probe through after a growing pause. A
// Share is what is left of a fixed allowance while the other side throttles: half
// of it, then one more after each quiet time. A Flow says how long to wait so that
// what many move together stays within a rate, and an Allowance whether there is
// room to do something at all. Named reads the pause that a server asks for in words.
//
// Nothing here reads a clock or a random source: the caller passes now (from
// its clock.Clock) and a random number in [0,1). Nothing here starts a
// goroutine. Windows and breakers may be used from any goroutine.
package pace
