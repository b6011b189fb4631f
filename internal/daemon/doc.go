// Package daemon is the composition root: the one place that knows every component, gives each its configuration, and starts and stops them in order.
//
// Start goes straight down: lock and ledger, logins, bridge, ways out, courier, listeners, logs, control socket. Each step that succeeded leaves its
// undoing on a stack; Stop (or a later step's failure) undoes them in reverse: first nothing new is taken, then what is under way may finish until the time is
// up, then the ledger is closed and the lock given back.
//
// Whatever has promises of its own is a package of its own that does not know this one: ways out (internal/destination), accounts on servers (bridge/accounts), who keeps the testimony (evidence/witness),
// test traffic (evidence/canary), what DNS says (evidence/dnswatch), deliveries of the old side (bridge/reconcile), who writes (bridge/writers). Here they get what the configuration says, in their own
// words, and one another as functions. What else must not know of one another is adapted in one small file for each seam, as listener to intake; and what people ask is answered from all of them.
package daemon
