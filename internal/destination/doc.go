// Package destination makes every way out as the courier knows it, a relay.Destination: by SMTP to the old server and to the cloud, into a cloud mailbox, into its Sent folder, and to addresses outside.
// It adapts relay and bridge, which do not know one another: what the bridge offers is a destination here, and finds for the courier.
//
// Ways is what all of them share; its methods make them. What happens to a message on its way, in this order:
//
//  1. A way into the cloud looks first whether the bridge has brought the old server's own copy over already, or a person has put the message into its mailbox meanwhile. Then nothing is delivered. What a person has sent once
//     more is delivered whatever was brought over.
//  2. By SMTP, the message gets an ARC set before it, where there is a key. What cannot be sealed goes as it is.
//  3. Its envelope sender is rewritten, where the route says so. A tee goes with the null sender, and asks for no notifications.
//  4. The next hop's answer becomes an outcome: delivered, declined, put off, in doubt, not fit for this way, or nobody there. What is about one mailbox is told from what is about the server.
//  5. What SMTP refuses for neither content nor sender goes into the mailbox itself within the same attempt, where that is wanted.
//
// No octet of a message is changed. What its sender demands verified TLS for is not put into mailboxes that are opened without it. The ledger keeps the sender as he came.
package destination
