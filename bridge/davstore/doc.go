// Package davstore is a mailbox's calendars and address books as a bridge.Store, over CalDAV (RFC 4791) and CardDAV (RFC 6352): the only package of the bridge that knows the protocols. It is a client of our own
// on net/http.
//
// What it promises, beyond the Store's contract: what is put has the octets that it was given, on the condition that nothing lies there (If-None-Match) or that it is still what we know (If-Match); what is read
// has as many octets as the server says, or is read again by itself (body.go); an object that cannot be read does not keep the others from being read; what is deleted is as it is known (If-Match), and nobody is told (delete.go); and no object is put upon
// which the server would send invitations or replies (schedule.go): such an object is refused here, before it leaves, until it has been told to be silent.
//
// The order of events. The principal and its homes are found at the first use (discover.go): by the address given, else by SRV records and the well-known address (RFC 6764). Folders are the collections
// of the homes, and their paths begin with what they are, as a calendar and an address book may share a name. The reference of an item is the last element of its address, decoded.
//
// A mirror holds which members a collection has, and in which version (mirror.go). It is brought up to date by sync-collection (RFC 6578), or where the server has not that, by comparing all versions
// whenever the collection's tag (getctag) is another one. Following (next.go) keeps in its cursor the token up to which everything was told, and how far the first look has come; without tokens, a fingerprint of
// each member that was told of. A token that the server forgot is no loss: everything is told once more, and who listens knows the items again by their versions.
//
// Bodies are read in batches by multiget. What Next had to read to tell the items' identities is kept, within bounds, until Fetch asks for it. XML cannot carry every octet: line ends are put back, and
// what then has not the length that the server told is fetched alone.
//
// A Radicale's empty collection is filled at once (gather.go, fill.go), a calendar with stand-ins (standin.go), which are items for nobody and over which the items are put then. What the collection is called and how it
// looks is kept in its home meanwhile (keepsake.go).
//
// One answer may be wrong: cut, failed for the moment, or given by somebody on the way. What is gone is said twice (http.go); what the server failed to tell (xml.go) is neither gone nor absent; and what could be a page in
// place of an answer is asked for by what is there then.
//
// A member's name is made of its UID when we put it, so that a second put of the same item meets the first; a server may store it under another, and tells. Where a server has put several items into one member (UIDs may not differ there, and do), each is
// an item of its own.
package davstore
