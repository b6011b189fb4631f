// Package logtail reads the logs of old mail servers and tells what they show of use: mail that arrived, mail that was sent, users who logged in.
//
// Parse is the reading of one line. It is a pure function of the line and a State: the State knows the columns that a file's header names, and joins the lines of one message (Postfix names a
// message by its queue id and spreads it over several programs) and the two ends of a session, and it is bounded. Each dialect has one
// small file, and is one entry in a table: which programs' lines are its own, by syslog's tag or in a file without tags, and how it reads one.
// A line is of a program that is none of ours, known and without meaning, understood, or unparsed. What never becomes an observation:
// refused mail, failed logins, our own bridge, tee and probes, root's local mail, and the second pass of mail through a content filter. What a server put
// into its mailboxes is told beside the observations, by Message-ID.
//
// The end of a session is found by its id; where the line of the end tells none, by its place: a process (Cyrus), or a client's port (Courier). Logins whose end
// no line tells (Zimbra, vpopmail) are use at their moment.
//
// The end of a session may stand before its login, which tells from where it came: two processes write the log. An end without a login waits a minute
// for it. Sessions whose login was written before the first line, or in a file that was rotated away unread, are judged by their session id, in which
// Dovecot writes the client's address. Where it tells none the session does not count, as it may be ours.
//
// A Follower follows one file through rotation, truncation and its own restarts, and gives to the ledger what it found. The order of a poll:
//
//  1. It looks for a successor of the file it reads, by name and time. A copy that is being made of a file is none, until that file is cut.
//  2. It reads to the end of its own file. What is a rotated file's last line was written before its successor's first, so nothing is lost in
//     between.
//  3. Observations, the coverage they prove and the new position become durable in one change; only then does it read on. After a crash it
//     reads the same lines again, or none.
//  4. At the end of a file that has a successor it goes there; else it has read everything, and coverage reaches to now.
//
// Windows servers keep a folder of dated files, several of them written to at a time. A Follower whose path is a pattern, and whose dialect fills files of its own,
// reads each of them once, the oldest first, as far as it was written; it looks again at those that grow, however late, and forgets those that have not for days. What
// is found is made durable with the places in all of them, and there is coverage only when all have been read.
//
// At the first start it reads back what there is: predecessors, compressed ones too (gzip, bzip2), up to Options.History.
//
// The journal of systemd is read the same way, by journalctl and from a cursor instead of a place in a file. What a log tells of local deliveries goes to the ledger in the same change, from
// when the log was first followed: those of years ago nobody could find any more.
//
// A log keeps what happened while nobody read it: after a restart that finds the same place again, coverage spans the pause. Where the place is
// lost it begins anew with the first line found. A file that is missing, that cannot be read, that was never heard to speak of a mail server,
// whose lines cannot be parsed or whose clock is wrong gives no coverage: we are blind, and Status says why. So does one that others Doubt, because something happened on its server that it does not
// show; what it covered since is withdrawn.
package logtail
