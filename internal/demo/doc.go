// Package demo plays a whole cutover on one machine in about a minute and a half: `posthouse demo`.
//
// What it promises: everything runs on loopback, in a temporary folder, without root, and is gone afterwards, whichever way the demonstration ends. The service is the real program,
// started as a process of its own with a configuration that a person could have written; only its clock is fast. Nothing of the story is pretended: numbers are counted,
// the kill is a SIGKILL, and the last comparison knows nothing of posthouse's ledger.
//
// The order of events: a world is made (an old and a new server, twelve mailboxes, forty senders) and a configuration for it; the service is started and copies, while mail already
// arrives; the MX records are switched; the service is killed with messages in hand and started again; mail goes on arriving by the old way, through the listener and past it, and
// is sent on the old side; the last late message comes; silence; the verdict says that the old server may be switched off. Each beat waits for what it needs to see, not for a span of time.
//
// The proof has two halves. The service verifies its own work. Independent of it, a book was kept of everything that lay in the old mailboxes, was put there, or was answered 250 by whichever
// server took it; in the end both servers are read item by item, by the octets, and held against the book: what is missing, what is there twice, what was changed.
//
// One goroutine tells the story (Run's caller); others carry the mail. Stop, an interrupt or a failure ends all of them, then the service, then the servers, then the folder.
package demo
