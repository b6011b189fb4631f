// Package ledger declares what posthouse knows and has done: captures and their deliveries, items with their dispositions, cursors, observations
// and coverage. It holds interfaces only, split by reader, and the rows they exchange; package ledger/sqlite keeps them, and
// ledger/ledgertest is the suite that every implementation passes.
//
// The promise behind every method that changes something: when it returns nil, the change is on stable storage and survives kill -9
// and power loss; when it returns an error, nothing of it happened, or, where the disk itself failed in the act, a later read tells.
// Implementations may group many callers' changes into one commit, but never tear one caller's change apart.
//
// The order of things that the callers rely on:
//
//   - A capture's body, envelope, deliveries and observation become durable together, in Body.Commit, before 250 is said.
//   - A delivery is durably Sending before its bytes go out; after a crash whatever is Sending is in doubt.
//   - What became of a delivery, and what a person did with it, is a step of its history in the same change.
//   - An item is durably Intended before it is put, and settled after; the folder's cursor advances in the same change as the settlements
//     that it covers, so a crash can only repeat questions, never lose an item.
//   - The use of the old server that an item is becomes an observation in the same change as its outcome.
//   - Log offsets and the observations read up to them are one change.
//
// Times are UTC with microseconds. Rows belong to the caller once returned.
package ledger
