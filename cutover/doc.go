// Package cutover holds the nouns of a move from an old mail server to a cloud service: sides, mailboxes, folders, items, identities,
// traces and dispositions. It is the vocabulary that every other package shares, and nothing else: pure values and pure functions over the
// standard library, no I/O, no clock, no logging.
//
// A cutover is the whole move of one organisation. It has two sides, the legacy (old) and the cloud (new). A mailbox lives on both; its
// home is the side where the owner reads now. A mailbox has folders, a folder has items. Two copies are the same item when their
// identities match; an item that passed through posthouse also carries a trace, which identifies it before any other rule. When the
// cutover ends, every legacy item has exactly one disposition.
package cutover
