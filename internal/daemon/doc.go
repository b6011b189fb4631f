// Package daemon is the composition root: the one place that knows every component, gives each its configuration, and starts and stops them in order.
//
// Start goes straight down: lock and ledger, logins, bridge, ways out, courier, listeners, logs, control socket. Each step that succeeded leaves its
// undoing on a stack; Stop (or a later step's failure) undoes them in reverse: first nothing new is taken, then what is under way may finish until the time is
// up, then the ledger is closed and the lock given back.
//
// What the components must not know of one another is adapted here, one file for each seam: listener to intake, delivery client to destination, bridge to finder and
// destination.
package daemon
