// Package sqlite keeps a ledger in one folder: the database ledger.db, the file journal before it, large bodies as files in bodies/, the lock posthouse.lock and the marker
// generation. It is the embedded default: a 250 depends on nothing but the local disk.
//
// All changes go through one goroutine that owns the only connection that writes. It takes every change that waits, runs each in a savepoint of one
// transaction, commits once with one fdatasync, and answers everybody. A change that fails, or panics, is undone alone. When nothing waits the commit
// follows at once, so that grouping costs a single caller nothing; only what has happened already and nobody is kept waiting by (the outcome of an
// attempt) waits for the next commit, 2 ms at most. Reads run beside it on a few read-only connections and see every change that was
// answered before they began.
//
// What goes the usual way, a capture, the beginning of an attempt and what came of it, needs nothing that only the database knows. It goes into the journal: one write and one fdatasync in place for all
// that wait, and it is answered. The rows stay in memory, where outcomes change them, until the database takes in all of them with one transaction: when they are many, after a second, before anything
// else is changed, and before anything is read. Most deliveries are settled by then and are written once, as they stand. The change tries the journal first (tx with an entry); where it asks for something
// that is not there it is undone and runs within the database. The journal's records are the statements' values, and its head has the statements: after a crash the next start runs them, before a
// migration too. The database names the epoch of the records that it does not have, and changes it in the transaction that takes them in; so a record counts once. Read, which writes nothing, lays
// them over the database in memory. Where the journal cannot be made or written the ledger works without. Behind its records it keeps space for a full disk: given back, the database takes them in.
//
// The order of a capture: the body streams into a 64 KiB buffer; what fits stays there and becomes a blob in the capture's own transaction; what does
// not goes through the buffer into a file, which is fsynced, then its folder, and only then is the row submitted. A file that no row names was never
// acknowledged and is removed at the next start.
//
// By what a capture is found (its key, and the digest that tells a repeated transaction) is as random as hashes are: an index of it would be written in another page with each capture. So the newest
// thousands are known in memory, read back from the captures at the start, and written into the table capture_keys together, in order. A question asks memory first, then the table, then looks at the rows.
//
// A full disk is an answer, not an end: ErrNoSpace comes from NewBody while the reserve is touched, and from anything when the disk is really full;
// what was not stored is gone without trace, and the ledger works on once there is room.
//
// The schema has a version. An older one is migrated forward after a whole copy (ledger-before-vN.db); to go back, stop posthouse, put the copy in the
// place of ledger.db, remove ledger.db-wal and ledger.db-shm, and start the older binary. A newer one is refused.
//
// Where no service works in a folder, Read reads what it holds of captured mail, under the same lock, and changes nothing: for people whose service does not start.
package sqlite
