// Package corpus invents mail that is as varied as what lies in real mailboxes, and always the same for the same seed.
//
// It promises three things. Every message is complete bytes with CRLF line ends, no bare CR or LF, no NUL, and no line
// above 998 octets (RFC 5322 §2.1.1), so that SMTP and IMAP must carry it unchanged. Two generators with one seed and
// the same settings yield the same bytes, flags and dates in the same order, on any machine. And every kind of message
// comes round within one turn of the deck (about 120 messages), so that a small mailbox is varied too.
//
// The order of events: New takes the seed; the caller may then change the exported settings; Next draws the kind from
// a shuffled deck, builds the message, and remembers a few of the last ones, from which later duplicates and shared
// Message-IDs are made; Mailbox lays Next's messages out in a tree of folders with names in the owner's language.
//
// The oddities are deliberate: missing, doubled and folded header fields, dates that do not parse, charsets that are
// not UTF-8, 8-bit octets where only ASCII belongs. None of them is allowed to harm the transport.
package corpus
