// Package arc seals messages with an ARC set (RFC 8617) and validates the chains that others have begun. It knows no network: public keys come from the Lookup that it is given.
//
// The order of events in Seal: the header is read into its fields, and those of ARC sets are put in order; the body streams once through one hash for our own signature and one for the
// newest signature of the chain; the chain is validated from its newest seal to its oldest (§5.2); then the three fields of the new set are made and returned, to be put before everything else.
// A chain that does not hold is continued with cv=fail under a seal over the new set alone (§5.1.2). A chain that has ended so, or has 50 sets, gets none any more.
//
// It promises that the message itself is not touched, that memory does not grow with its size, and that what different readers read differently (a line in the header that is no field) is not sealed.
//
// Signatures are RSA-SHA256 (RFC 6376) and Ed25519-SHA256 (RFC 8463).
package arc
