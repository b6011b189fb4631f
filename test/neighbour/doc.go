// Package neighbour runs real mail servers for tests: Debian's Dovecot, Postfix, Exim, OpenSMTPD, Cyrus, Courier, PostSRSd, HAProxy and NSD, as they come, two implementations of DKIM and ARC, and one of SPF and DMARC.
//
// Each neighbour lives in a temporary folder with a configuration of its own, on a loopback address of its own (anything in 127.0.0.0/8 is
// local), so that ports never collide and servers tell one another by address. Start… returns when connections are accepted; the end of the test ends the
// processes that were started, by their ids, and shows their logs if it failed. Stop and Start in between make a server that is down for a while: what it stored stays.
//
// Cyrus and Courier cannot be installed beside Dovecot, nor Exim and OpenSMTPD beside Postfix: they run from where test/debian-unpacked.sh unpacked them, Courier, Exim and OpenSMTPD in file systems of their own, as their paths are compiled in.
//
// Neighbours need root, because they drop privileges. One that cannot be had is skipped aloud, with the name of the package to install; with
// POSTHOUSE_NEIGHBOURS=required in the environment that is a failure.
//
// Mailbox, in the same package, is a small IMAP client of its own: what it reads must not depend on the library that is being tested.
package neighbour
