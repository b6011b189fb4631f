// Package mx finds the hosts that take mail for a domain, and what the domain demands of TLS with them.
//
// In order, Find: asks for the MX records and puts them in order of preference, equal ones at random; without any the domain itself is the host (RFC 5321 §5.1), and a
// null MX (RFC 7505) is ErrNull, which will not pass; leaves out ourselves and everything less preferred, so that no mail goes round; finds the addresses of the first few
// hosts; and asks for the demands. Everything else that goes wrong is temporary: DNS that does not answer says nothing of the domain.
//
// Two rules demand something of TLS, each by what it publishes; without them encryption is opportunistic.
//
// DANE (RFC 7672): where MX and address records are signed, and TLSA records of the host are, they say whom its certificate must be, or be issued by. Signed means that
// a resolver of ours says so (AD) that validates and can be believed: one on loopback, or one that the caller vouches for. Records that nobody can use still demand
// encryption; a question about them that gets no answer rules the host out for now. Where there is DANE nothing is asked of MTA-STS.
//
// MTA-STS (RFC 8461): a policy, fetched by HTTPS from a host that proves its name, lists the MX hosts; in mode enforce all others are left out and those listed
// must prove their names. Policies are kept in memory for their max_age, while the TXT record names the same one; a lost answer changes nothing.
//
// A Host says who demands what of it in words (Rule.By), so that a failure names its cause.
package mx
