// Package memstore is a mail server in memory: the Store that tests of the bridge run against, and the reference for what a Store is.
//
// A Server holds mailboxes; Server.Open gives a Store on one of them, and any number of Stores may be open at once. The test holds the other
// end, the Mailbox: it delivers, moves, removes, changes flags, renews a folder's validity or rolls it back to an older state, and sees what was
// put. Every step of every method asks the mailbox's fault hook first, so that a test can break each of them, or let a put succeed and lose
// its reply.
//
// Its cursor works as an IMAP store's does: a validity, the newest message, the mark above which everything is news, the set of references that were yielded, and
// the modification sequence up to which changes of flags were.
package memstore
