// Package sendercheck finds out what DNS and signatures say of a message's sender: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and lists of addresses that send spam (RFC 5782).
//
// Check asks all of it about one message and always answers, with temperror for what was not known in time. What a stranger can make us do is bounded: questions to DNS have a time limit each and
// one together, a header is read up to a size, ten signatures are looked at, none that names very many fields, and no records of more than a few thousand octets. SPF bounds its own lookups. Whatever a
// library stumbles over is temperror as well. Answers of DNS are remembered for minutes.
//
// Facts are written in the words of Authentication-Results (RFC 8601). Nothing that a stranger wrote gets into them but names of domains. Forged finds the fields of that kind in a header that claim to
// be ours.
//
// The facts refuse nothing by themselves. Unwanted says what of them is sure enough that nobody can have been waiting for the message.
package sendercheck
