// Package clocktest is a clock that tests set: for what a program must bear when the wall clock is put forward or back, and for what becomes due in hours or days.
//
// It is the machine's clock, with all its waits, until a test moves it. Set is what an administrator or NTP does: Now is another, what is measured by Steady goes on. Pass is time that went by:
// both are later. Neither ends a wait that is under way: waits are the machine's, as they are for a process whose machine slept.
//
// Inside a testing/synctest bubble a clock follows the bubble's fake time, as the real one does.
package clocktest
