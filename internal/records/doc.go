// Package records answers what people ask about captured mail: what waits and why, what became of a message, and the message itself, in the shapes of package control.
//
// It needs the ledger and nothing that runs: the running service answers with it, and so do the commands that read the ledger of one that is not running, so that both say the same. What only a running
// courier knows (until when a destination is left alone, when a doubt ends) is told where there is one. Without one nothing is being sent: what stands as sending was left so by a service that ended in the
// act, and it is told that it may have arrived.
//
// Records change nothing. What a person does with mail goes through the courier.
package records
