// Package login is how posthouse proves to another server who it is, and how it
// knows that server: passwords, tokens, TLS.
//
// The order of events when a connection is made, on either side, for IMAP,
// SMTP or HTTP:
//
//  1. [TLSConfig] says what the server must show: a certificate for its name
//     from a known authority, or exactly the pinned one.
//  2. [Credential.SASL] makes a SASL client for one attempt. A password is
//     revealed anew each time, so that a changed file is picked up; a token comes
//     from a [TokenSource], which keeps one per subject and renews it in time.
//  3. What the server answers to a failed attempt goes through [Explain]: refused,
//     disabled, throttled, unavailable or untrusted, each with a hint for a
//     person. After a refusal [Credential.Refused] drops the token, and the next
//     attempt fetches a new one.
//
// No error of this package contains a password, a client secret, a private key
// or a token, even where a server echoes what it was sent.
//
// [TLSIdentity] is the other direction: the certificate that posthouse itself
// shows, as a server or as a client.
package login
