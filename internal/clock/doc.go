// Package clock is the time by which schedules run: retries, polls, evidence,
// retention. Network deadlines do not use it; they are always real time.
//
// Every instant a Clock hands out is UTC in whole microseconds, the resolution
// of the ledger, so that a time written there and read back is equal to the
// original. Such an instant carries no monotonic reading: the difference of two
// of them shows a step of the wall clock, as it must. What is only a wait within
// this process (a pause, how long an answer holds) is measured by Steady: a wall
// clock that is put back by hours must not make it last for hours, nor one that
// is set forward end it.
//
// Real is the machine's clock; inside a testing/synctest bubble it follows the
// bubble's fake time. FastSince is for the demonstration: days pass in seconds.
// A process that is restarted in the middle of one goes on where the one before
// it was, given the same three values.
//
// Nothing in this package starts a goroutine that outlives its timer.
package clock
