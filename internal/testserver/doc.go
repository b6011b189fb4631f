// Package testserver is a small world of mail to test against: an IMAP server, an SMTP or LMTP server, a client that sends, a proxy that
// breaks connections, and a certificate authority. All of it listens on loopback only. The tests of every package use it, and
// `posthouse demo` plays its whole cutover on it; therefore it does not import package testing.
//
// What it promises: the bytes that go in come out, exactly, whatever their kind, unless a Rendering is asked for; what a script asks to go wrong goes wrong at that point
// and nowhere else; everything that was accepted can be listed afterwards and compared.
//
// The parts share one life cycle. New… takes settings and does nothing else. Start listens (on 127.0.0.1 with a port of
// the system's choice unless an address is given) and returns when connections are accepted; Addr tells where. Stop closes the listener and every
// connection and returns when all sessions have ended; calling it twice is harmless. Start after Stop listens on the same port again, and what was
// stored or recorded before is still there: a server that was down for a while.
//
// IMAP is an own store of accounts, folders and messages (store.go, view.go) behind the protocol machine of go-imap's imapserver. Where it is asked to,
// it stores something else than it was given, as Exchange and its like do (rendering.go).
// SMTP is written on net alone, because its purpose is to misbehave in ways that a library forbids: cut a connection after accepting a message,
// stall, answer any code at any stage. DNS is a resolver with a few records, which has another port after each Start. Sender is its counterpart, which sends exactly the octets it is given.
package testserver
