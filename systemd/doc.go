// Package systemd is everything posthouse shares with the service manager: the
// unit files themselves, the sockets systemd hands over, the notifications it
// waits for, the watchdog it expects to be fed, and fields for its journal.
//
// The order of events in a service's life:
//
//  1. systemd binds ports 25, 587 and 465 from one socket unit each, as root,
//     before posthouse runs. The service itself therefore needs no capability
//     and is locked up accordingly.
//  2. The daemon starts as the static user posthouse and takes the sockets by
//     name from [Listeners]. A bad configuration ends it with exit status 78,
//     which systemd does not answer with a restart.
//  3. When every listener accepts, the daemon calls [Ready]; until then
//     "systemctl start" waits. A long migration asks for time by [ExtendTimeout].
//  4. [Watchdog] tells systemd that the daemon lives, but only while each loop
//     that registered has proved itself alive lately. A hang ends with SIGABRT,
//     whose goroutine dump lands in the journal, and with a restart.
//  5. SIGHUP reloads: [Reloading], then [Ready] again. SIGTERM stops: [Stopping],
//     then [ExtendTimeout] as often as the last deliveries need it.
//
// Outside systemd every notification does nothing and no listener is handed
// over, so callers need not ask where they run. The package imports nothing of
// posthouse's own.
package systemd
