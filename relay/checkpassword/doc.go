// Package checkpassword asks a mail server whether a user's password is right, by logging in there as that user.
//
// The server is asked by the protocol it has: IMAP (AUTHENTICATE PLAIN, else LOGIN) or SMTP submission (AUTH PLAIN, else LOGIN). Each question has a connection of its own, which ends with
// the answer; nothing is kept, so that a password that was changed, or a user who was locked out, counts at once. Only so many questions are asked at one time, others wait.
//
// Order of events: dial, TLS as configured, capabilities, a word to IMAP servers that want to know the true client (ID with x-originating-ip, which Dovecot believes from login_trusted_networks, so
// that its own brakes hold the guesser and not us), the login, the answer, goodbye.
//
// ErrWrong is a definite no, and only what cannot be read otherwise is one: SMTP's 535 and IMAP's NO, unless the words or the code tell of trouble (internal/login knows how servers
// put it). Whatever else happens, a lost connection, a certificate that is not believed, a server that greets without asking for a login, is an error of another kind: nobody knows.
//
// The password is written to the connection, and its encoded copies are wiped. No error holds it, should a server repeat it.
package checkpassword
