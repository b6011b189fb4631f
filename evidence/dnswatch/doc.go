// Package dnswatch watches what DNS says of the domains that move: where their mail goes, and what vouches for it.
//
// A Watcher looks at one domain at a time (Look). It finds the zone's authoritative servers by its NS records and by those of the zone above, asks each of them at each of its addresses, without recursion, and
// then resolvers: MX, the addresses and TLSA records of the MX hosts, SPF, DMARC, DKIM, MTA-STS with its policy, autodiscover. A server that is silent, or says that it does not know
// the zone, costs two tries and is noted. The result is a Snapshot: who said what, and when.
//
// Everything after that is pure. Next holds a Snapshot against the History of the domain and returns a new one: which answers are given now, which are gone and until when they may
// lie in caches, what changed, and whether it changed back. What an authoritative server said last stands until it says something else: one that is silent for a while may come
// back with the old answer, and is forgotten after a day. Resolvers count for the history only while no authoritative server can be reached.
//
// Who tells whose an MX host is: ours, the old server's, the cloud's, or somebody else's. The MX record counts as switched when no server that counts gives an answer any more in which
// any host, whatever its preference, is ours or the old server's; the instant is that of the look that saw it so. Once it leads back it is not switched any more.
//
// Findings makes of a history and the last snapshot what people should know: servers that lag behind or contradict one another, backup MX that still lead to the old side, records that
// were set back, MTA-STS policies that do not list the new hosts, answers that linger in caches.
//
// A Keeper does all this for all domains, again and again (Round), or for one of them at once (Look). What it found is durable before it is told and shown, as one fact for each domain, and Recall brings it back
// after a restart. Reserved names are asked only of resolvers that were given. Led is what a verdict needs of a history.
package dnswatch
