// Package dsn writes delivery status notifications (RFC 3464): a message in three parts that tells the sender of another what became of it, in words, in fields for
// programs, and with the message itself or its header.
//
// Whether and when one is written is not its business. What strangers wrote (addresses, envelope ids, the message) never becomes a header field or a part of its own:
// words are made harmless, and the boundary is the caller's secret. All but a message that is returned whole is plain ASCII.
package dsn
