// Package writers reads in the mailboxes of both sides who writes to them, for the sender book.
//
// Past reads the old mailboxes: who wrote before the switch, and how often. A mailbox is read once its first copy is done, since that has the server for itself, and read on each day until the switch. What
// was found and the place up to which was read become durable together, as a set in which whatever is read again counts once; it counts when every mailbox has been read.
//
// News reads the cloud's mailboxes: who reaches them without us has moved. What was told is durable before the place up to which was read is: a crash in between tells it again, and it counts once. Only a
// round that reached every mailbox covers the time since the one before.
//
// Neither marks anything as read, and a mailbox that cannot be read stops no other.
package writers
