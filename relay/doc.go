// Package relay takes mail that still uses the old route and brings it to where its owner reads.
//
// The order of events for one message: the Directory decides about each recipient, and servers are asked about those that it does not know (package callout); the body streams into the ledger while it is digested and counted; at its end the plan
// is made (which mailbox, by its home, over which destination, and which loops are cut); one commit makes body, envelope, deliveries and observation durable; only then the
// sender hears 250. The Courier takes it from there: it attempts each delivery, as many at once as the destination bears, retries by schedule, asks the mailbox when it is in doubt whether an attempt
// succeeded, looks for accepted mail until it is seen, and holds for a person what cannot be delivered. What a refusal is for (package reason) decides what becomes of it:
// Rescue puts into the mailbox what SMTP refuses for neither content nor sender; what is refused as spam or virus is kept quietly; what nobody understands is temporary.
//
// It promises that what was answered with 250 is never dropped and never bounced on our own account; that a delivery is durably Sending before its bytes go out, so
// that after a crash it is asked for and not guessed at; that no body octet changes; and that no message goes round between the legacy, the cloud and us.
//
// What a person does with deliveries (hold, release, retry, move, drop) goes through the Courier too: it takes each in hand, so that no attempt can begin meanwhile, refuses what would send to somebody
// who has the message or may have it, and makes the deed durable, with its step of the history, before it takes effect.
//
// Destination and Finder are the seams to the ways out. The listener and the delivery client are edges in packages of their own.
package relay
