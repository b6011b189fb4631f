// Package bridge copies what lies in the old mailboxes into the cloud and keeps following.
//
// One worker holds one mailbox. For each legacy folder it pairs a cloud folder and then repeats: read the next batch of changes after the
// cursor; leave out what the ledger already knows; join what the listener captured; look whether the cloud already holds an item of the same
// identity; make the intent durable; put; settle, and in the same change advance the cursor; when nothing is pending, wait for a hint or the
// next poll. The empty cursor is the beginning, so the first copy is following from there. Whatever was intended and not settled when
// the process died is asked of the destination before anything else is put into that folder.
//
// Batches of one folder overlap (type stretch): while the copies of one are still being answered for, the next one is prepared, its bodies follow on the same Put, and the headers of the one
// after are read, so that a distant cloud costs bandwidth and not round trips. A message that was moved on the old side has its copy moved (moves.go). Folders in which nothing happened cost
// nothing: one glance tells where to look.
//
// More mailboxes are worked on at one time as long as more is settled by that (type growth). A server that asks to wait (type Busy) is left alone for as long as it says, and gets half of the mailboxes for a while (type turns); that is shown as a wait and not as a failure.
//
// What reaches the cloud's INBOX without us is told of by News, for those who ask who has moved; what was received on the old side long ago is told of by Past.
//
// References end: a folder's validity changes, or a backup is restored. On the old side (renew.go) and in the cloud (rebind.go) rows are then matched again by identity.
//
// Copies are told by key, and where that leaves a choice by what they say (prints.go, twins.go): servers render messages anew, and lose our trace. What lies in the cloud for a capture is the capture's
// (reserve.go).
//
// It promises that each legacy item ends with exactly one disposition, that no item is put twice, that no octet of a message changes, and that
// nothing is ever deleted on either side. Two exceptions are made: where Rules.Deletions says so, copies of events and contacts are deleted after their items (deletions.go); and what the cloud refuses as it is is put with the least repair that it takes; before that the original is saved and the repair
// recorded.
//
// Only what lies in the personal namespace of a mailbox is its own; a shared tree is copied into the one mailbox that the rules name (shared.go). Subscriptions are carried over once
// (subscriptions.go). A folder that is renamed is no more than messages that are moved (moves.go, origins.go).
//
// Calendars and address books are held by a bridge of their own (Config.Kinds, kinds.go). Their items are known by UID and change: objects.go, edits.go, deletions.go, silent.go.
//
// Store is the seam to the protocols; bridge/imapstore, bridge/davstore, bridge/filestore and bridge/memstore implement it, and bridge/storetest is the suite they pass. Deposit
// and Find serve others (the relay's courier, through the composition root) on the same rules.
package bridge
