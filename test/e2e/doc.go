// Package e2e tests the built binary from outside, as its users have it: a written configuration, real mail servers beside it, signals, exit codes, the control
// socket, and at the end the octets in the mailboxes of both sides.
//
// Its promise is the product's: after any number of kills at any moment, no message is missing and none is there twice. A cutover test starts the neighbours
// (package neighbour), fills the old server, starts the daemon, kills it and starts it again while mail is sent, lets it come to rest, and reads both sides with a client of
// its own. The other tests make one bad day each: a full disk, a cloud that is down or refuses, a login that is refused, a wrong configuration, a
// second daemon. Every daemon's peak memory is read before it ends and must stay below a limit.
//
// Type between is the smaller stage, for copies between any two servers without mail on the way. TestSoak (make soak; build tag soak) is a whole night on it.
//
// POSTHOUSE_SEED repeats the random choices of a run (each prints its own); POSTHOUSE_KEEP leaves configuration, log and state of every daemon in the
// temporary folder.
//
// The tests need root where they use neighbours or mount a small disk, and say so aloud where they cannot.
package e2e
