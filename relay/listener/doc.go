// Package listener is the SMTP server edge: it takes mail that still uses the old route and answers 250 only when the Intake has made it
// durable. It knows the protocol and its abuse; what is ours, where a message goes and how it is kept, it asks the Intake.
//
// # Order of events
//
// A connection is accepted, wrapped and counted in the registry (overall, per client and per network; too many: 421). In the lobby it is found out
// who the client is (of a proxy's connections, by the header that names it), and the client is greeted and waited for; the dialog up to its first MAIL is had there as well, so that a connection that
// greets and says no more costs a few kilobytes. With MAIL it goes on to go-smtp, which runs the dialog over the wrapper. There the promises are kept:
//
//   - Line gate. go-smtp gets at most one command line per Read, in canonical form, after the wrapper has looked at it. Lines must end in CRLF
//     and hold no bare CR, bare LF or control characters; other lines end the connection. Paths of MAIL and RCPT are parsed here, so that a
//     quoted local part stays quoted. Commands before their time, parameters that are not served and sizes beyond the limit are refused
//     here, with RFC 5321's codes.
//   - Body gate. Only go-smtp's own 354 opens it. A bulk reader then hands the octets to the Message, dots unstuffed and otherwise untouched;
//     only CRLF.CRLF ends a body. go-smtp gets to see just the final dot. A BDAT chunk passes through go-smtp, counted octet by octet; a message
//     begun so is never left to go-smtp's other goroutine: RSET, EHLO and a chunk too many end it there first.
//   - Poison. Any failure inside a body (time-out, cut, reset) ends the session: a 421 is sent, every later Read fails, and none of
//     the octets that may follow is ever read as a command. The message is aborted, never committed.
//   - Logins (RFC 4954, PLAIN and LOGIN) are offered inside TLS only, where there is an Authenticator to ask. The password is taken out of the command line before anything looks at it, is handed
//     to the Authenticator alone and is wiped. Its definite no is 535; whatever else happens is 454. Attempts slow one another down. With the role submission nobody sends without a login.
//   - TLS is ended by the wrapper, not by go-smtp, so that every guard holds after STARTTLS too. Octets sent before the handshake are refused.
//   - Replies are collected and written when the client has to be waited for. A 250 for a message never waits for the next message's commit.
//     A 421 closes.
//
// Recipients are offered to the Intake one by one. After the last octet the Message is committed, which returns when body, envelope,
// deliveries and observation are on stable storage; then the 250 is written. A Refusal is passed on as it is; a full disk is 452; every
// other failure, a panic included, is 451 or 421 with a public text that shows nothing internal.
//
// # Limits
//
// No client may take more than its share of connections, time and patience (Limits): errors, commands and refused recipients end a session with 421; replies
// to those who are refused again and again come late; a command line and a body have to come within their time and not too slowly. All of it is 421: what an
// honest client loses by a limit is time. Trusted networks are exempt, except from what protects the machine.
// A full listener sends away who only waits (crowd.go), so that a few silent hosts keep nobody out.
//
// # End
//
// Stop takes nothing new, tells idle clients 421, lets transactions in flight end until its context is done, then cuts. Every connection ends
// with exactly one log line whose keys are the Field constants (of level debug where a proxy only looked whether we are there). What was refused of a transaction has a line of its own.
package listener
