// Package accounts opens the accounts of mailboxes on the servers of both sides: their mail by IMAP, their calendars and address books by DAV or as files. Whoever reads or writes mailboxes opens them here, so
// that all of them together keep to what a server and an account bear.
//
// Open makes a store, which connects at its first use, in this order:
//
//  1. It waits for one of the connections to its server. Stores that have no use for theirs give them up where others wait; a server that says that there are too many gets fewer for a while.
//  2. It waits for its turn at the account: one at a time logs in. After a refused login, or where the server asked to wait, nobody tries again before the pause is over, but with another password, or
//     where a person asks for it (Insist).
//  3. It connects within the server's bandwidth, and logs in: with the mailbox's own password, which is asked for at each login, or a master user's, or a token. A refused token is fetched anew once.
//
// Watch makes a store that only waits for hints. Those that wait are bounded to half of a server's connections, so that work always finds one. The bodies of all mailboxes together keep to one budget of
// memory.
package accounts
