// Package imapstore is an IMAP mailbox as a bridge.Store: the only package of the bridge that knows the protocol. Commands and reading are go-imap's;
// logging in and uploading are our own, over the same connections.
//
// What it promises, beyond the Store's contract: the source is opened read-only and bodies are peeked at; a body counts as read when all octets that
// the server announced have come and its UID is known; a message that the server, or go-imap, cannot express does not keep the others from
// being read; a literal has exactly the length that was announced, or the connection is closed; nothing is put twice without the caller hearing
// that an outcome is unknown.
//
// The order of events. A connection is dialled within the limit, made private, greeted, logged in by SASL (or LOGIN), asked for its capabilities, and then
// either handed to go-imap, which is told that it is logged in already, or used by the writer. A store has one for control and for
// headers; one for bodies, so that the next batch can be read ahead; one for uploads, or a few; and one to wait on all folders (NOTIFY), or one for each folder that is waited on (IDLE). Only the first
// is indispensable: without room for a second, bodies and uploads take its place in turn, and waiting is not supported, so the caller polls.
//
// Following a folder opens it and compares UIDNEXT and, with CONDSTORE, HIGHESTMODSEQ with the cursor, and that its newest message is still the same one (type anchor): messages from the start mark on are news; then come
// changed flags; then, newest first, the old messages that the cursor's set of UID ranges does not hold. Each batch is searched for (which UIDs
// exist), then fetched, and whatever was searched and not fetched is asked for again before it counts as gone.
//
// go-imap gives up a connection over nearly any surprise in a response. Lines in which only what nobody needs is odd are put right before it reads them (type legible). Else the rest of the set goes on over a new connection, and a message that breaks
// it alone is asked for with fewer details and in the end reported (type survival). Over a line that is cut nothing is given up for a while (type breaks). Responses that go-imap cannot assign to a command
// are caught (type strays), its deadlines are turned into patience (type conn).
//
// Servers ask to wait in many words, by NO, BAD and BYE (busy.go). Then nothing more is sent, what was not sent is surely not put, and the caller hears of it with the server's words.
// Folders have paths of their own, whatever names the server has for them (apart). One whose name the server refuses is made, and found again, under the next of its substitutes.
//
// An upload sends one MULTIAPPEND per group where the server has it, else APPENDs that do not wait for one another; literals do not wait either where
// the server allows it; the latter on several connections, as a server works on one message after the other. A group refused as a whole is sent again in halves until the culprit stands alone.
package imapstore
