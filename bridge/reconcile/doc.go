// Package reconcile holds what the old servers' logs say was delivered there against what lies in the mailboxes: each such message must have come into its mailbox, where the bridge saw it, or through a
// listener of ours. What was taken away between two looks (POP3) or never put anywhere (Sieve) lies on neither side: nobody who reads in the cloud knows of it.
//
// Round decides on the deliveries whose time to be seen is over, once their mailbox was looked at since. It asks what is cheap first: the ledger, then the cloud, then the old server. What is on neither side
// is missing: that is durable, logged once, and noted with who took it, as far as the same log tells; a second log that tells of the same message makes it no second one. What is missing is looked for again
// every hour, as somebody may have put it into the cloud. A person may Accept what is missing; Work is what of it keeps a verdict from being ready. Deliveries for mailboxes that are none of ours, or are not
// followed, are nobody's to miss. What is accounted for is forgotten after a month.
package reconcile
