// Package repair makes messages that a server refuses acceptable to it, and changes no more of them than it must.
//
// A Repair is one kind of change. Needed reads a message and says which of them would change it; Ladder puts those into the order in which they are to be tried, one more at a time; NewReader
// yields the message with some of them made. What a message does not need leaves every octet of it as it is. A repaired message needs no repair any more.
//
// What is lost, and why nothing better is to be had:
//
//   - Lines: bare LF becomes CRLF, and so does a lone CR in the body, and everywhere in a message that knows no LF. CRs before a LF are one line end with it. A lone CR inside a header field
//     becomes a blank, as which mail readers show it: a line end there would end the field, or the header.
//   - Zeros: NUL octets are removed from the header; a header line of nothing else goes with them, for an empty one would end the header. In the body each becomes a blank: all other octets stay
//     at their places, decoders of base64 skip it, and at the end of a boundary line it is allowed.
//   - Strays: a header line that is no field, such as the "From " of a mailbox file, becomes the value of a field X-Posthouse-Line; blanks before the colon of a field are removed. All text stays.
//   - Octets: raw 8-bit text in header fields becomes encoded words (RFC 2047), in phrases and comments only where the field holds addresses, and RFC 2231 parameters in Content-Type and
//     Content-Disposition. Its charset is UTF-8 where the octets are that; else ISO-8859-1; or UNKNOWN-8BIT (RFC 1428) where they cannot be text of that either. Addresses themselves, and
//     fields whose octets count (Message-ID, References, signatures), are left alone.
//   - Width: header lines of more than 998 octets (RFC 5322 §2.1.1) are folded at white space, as far as there is any. Long lines of the body stay.
//
// Calendar objects and contacts are repaired line by line (ObjectReader); a line that needs nothing keeps its octets:
//
//   - Form: line ends become CRLF, control characters and empty lines go, and a line that is no property goes on with the one before it, as what it was before somebody broke it.
//   - Charset: what is not UTF-8 is read as Windows-1252, which holds ISO-8859-1.
//   - Card21: vCard 2.1 becomes 3.0: types, quoted-printable, charsets, BASE64.
//   - Required: what RFC 5545 and RFC 2426 demand and is missing. DTSTAMP becomes the last change that the object tells of, or 1970.
//   - NoUID: a UID made of the object's digest, so that it is the same each time.
//   - Zones: names of Windows become those of the IANA data base.
//   - Length: an event without an end, or that ends when it begins, lasts a second. Cyrus refuses it otherwise.
//   - CardVersion: 3.0 becomes 4.0, and 4.0 becomes 3.0.
//   - Photo: pictures, sounds and attachments of more than 48 KiB within the object are left out. It is tried only where a server says that the object is too large.
//   - Silent: the server is told that scheduling is not its business (RFC 6638 §7.1). It is tried only where a server demands it: later changes do not notify anybody by that server.
//
// Messages stream: only the header lies in memory, up to 1 MiB. The caller keeps the original.
package repair
