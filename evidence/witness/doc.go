// Package witness keeps the testimony: everything that any source says goes through it, into the ledger and into the aggregates that verdicts are made of.
//
// Open folds what the ledger holds. From then on what is said is durable first, and counts then (Testify; Withdraw takes coverage back): a crash in between tells it again from the ledger. What somebody
// else has made durable, with a capture or an item of a mailbox, is only folded (Captured, Recorded). A capture whose sender is still being looked into counts as it was committed, until it is known whether
// it was wanted. Snapshot is the testimony of the moment, a value.
//
// Cover extends the coverage of our own sources up to now. A source begins to be covered when it is first named, as nobody watched before; one of them goes on where it ended, because its first look finds
// what came meanwhile. Time that the ledger does not take is blind, for it would not have taken what we saw either; so is the time before an interruption. That the outside reached a listener is noted at
// once (Contact), and recorded with the next coverage.
package witness
