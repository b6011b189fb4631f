// Package storetest is the conformance suite that every bridge.Store of mail passes. Run takes the habits of the server and a function that
// makes a fresh, empty mailbox with an INBOX; what it then asks for comes in this order: the source's promises (batches that can be resumed,
// news before old ranges, reading ahead, bodies byte for byte), the target's (outcomes told exactly once, dates and flags exact, folders
// found or made, items found again), and what holds for all methods (an ended context, a closed store).
package storetest
