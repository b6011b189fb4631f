// Package delivery hands captured messages to a next hop by SMTP or LMTP and
// says exactly what became of them.
//
// It changes no byte. A message leaves by BDAT where the next hop offers
// CHUNKING (RFC 3030) and knows what it offers, else by DATA with the transparency of RFC 5321 §4.5.2
// and nothing more. What a next hop cannot take as it is (8-bit text without
// 8BITMIME, more than its SIZE, an internationalized address without SMTPUTF8,
// a bare CR or LF where only DATA is left, REQUIRETLS without verified TLS) is refused here, with an Unfit, and
// never re-encoded or repaired.
//
// It never lets a truncated message be accepted. The octets that end a message
// (the final dot, the last chunk) are written only after the body has yielded
// exactly as many bytes as it said; otherwise the connection is closed.
//
// It knows when it does not know. Until the last of those octets has been
// handed to the kernel a failure leaves a recipient Unsent: nobody accepted the
// message, sending again is safe. From then on until the final reply has been
// read the recipient is InDoubt.
//
// In order, Send: checks the envelope for anything that could inject a command
// or parameter; opens the body and fills one buffer; takes an idle connection
// that still looks alive, or makes one (connect, greeting, EHLO, STARTTLS, EHLO
// again, AUTH); checks that the message fits what was offered; writes MAIL, all
// RCPTs and DATA in one go where PIPELINING is offered, with BDAT and a small
// body even the whole transaction; reads the replies; streams the rest; and
// puts the connection back, or closes it after anything surprising. Where DATA
// is used, what is sent next is told along with the end of what is sent now:
// each message then takes one round trip, as with BDAT. A next hop that seems
// to throw away what came along with a command hears them one by one for an hour.
//
// Ask puts the question alone whether an address would be taken: null sender,
// RCPT, RSET.
//
// Everything takes a context: when it ends, the connection in use is closed.
// Deadlines on the network are real time.
package delivery
