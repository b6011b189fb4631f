// Package forgetful is a file system for tests that loses its power. It keeps what was written in two states: as programs see it, and as it
// is certain to be on stable storage: the octets of a file since the last fsync or fdatasync of that file, the names in a folder since the
// last fsync of that folder. Nothing else becomes certain, however long one waits: not even that a file that was synced has its name.
//
// Crash takes the power away: of each page that was not certain it is a matter of luck whether it is the old one or the new one, and of all
// names together. A file system that lies says that it synced and does not; with it a test shows that it would notice a missing fsync.
//
// Fill makes it a full disk after a number of writes.
//
// It needs /dev/fuse and the right to mount. File locks, sockets and shared memory maps are the kernel's.
package forgetful
