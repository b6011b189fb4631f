// Package srs is the Sender Rewriting Scheme: an envelope sender of a foreign domain becomes an address of ours, so that SPF of the foreign domain says nothing against us, and a bounce that
// comes back to that address finds its way to the sender. It is pure: addresses and the time in, addresses out.
//
// The order of events: Forward makes SRS0=HASH=TT=DOMAIN=LOCAL@OURS of LOCAL@DOMAIN. An address that another forwarder made of somebody's, SRS0 at its own domain, becomes
// SRS1=HASH=FORWARDER==HASH=TT=DOMAIN=LOCAL@OURS, and stays as short however many forwarders follow. Reverse takes one step back, and only for an address that this or another holder of a secret
// made and that is not too old: nobody relays by making one up.
//
// HASH is the beginning of a HMAC-SHA1 in base64 over the lower case of what stands behind it, TT the day, modulo 1024, in base32. Both are compared in any case, as hosts exist that change it.
// This is the form of libsrs2, PostSRSd and Mail::SRS, so that a secret can be shared with them or taken over from them.
//
// It promises that what Forward returns without error, Reverse turns into the same mailbox: a local part that needs quotes is taken out of them and put into them again, text beyond ASCII
// stays as it is, and what would not come back is refused.
package srs
