// Package cli is posthouse's command line: one file per command, and the look they share.
//
// What it promises: stdout is the result and stderr is talk; with --json the result is one object, or one object a line for streams, each with
// a schema name; every failure says what, where, the likely cause and the exact next command; and the exit code says how it went:
//
//	0 done, or ready        1 failed              2 usage
//	3 done, some items failed                     4 not yet           5 blind
//	69 the other side cannot be reached           75 try later
//	77 permission           78 configuration
//
// What is not known counts as failed. Nothing but Main's caller ends the process.
//
// The order of events: Main builds the tree of commands around an app (flags, ways out, clock), cobra picks the command, the command returns nil, a *failure or a
// status, and Main turns that into text and exit code. An error that no command returned is cobra's, and means wrong usage.
//
// What is shown is made in two steps: pure functions (the files view_*.go) turn a state into lines of styled text, and a printer puts them out, cut to the terminal's width, with
// colour where that is wanted, and with nothing in them that could steer the terminal: folder names, addresses and servers' replies come from strangers.
package cli
