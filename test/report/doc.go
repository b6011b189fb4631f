// Report turns what "go test -json" prints into what people want to read: a line for each package, the whole output of what failed, every
// skipped test with its reason, and the sum.
//
// It exists because "go test" hides the reasons of skipped tests unless it shows everything, and a skip that nobody sees looks like a pass. The
// order of events: events are read from standard input as they come; a package's line is printed when the package ends; the skipped tests,
// what failed tests said (without the servers' logs, in which it would be hard to find), and the sum come last.
//
// It exits with 1 when anything failed, when a package began and never ended, and when nothing was tested at all.
package main
