// Package bucket sorts mail that waits by what is the matter, and says in words what helps.
//
// Of is a pure function of what is known of a delivery: its state, why it is held, and the far end's last words. The rules are tried from top to bottom, and the first that fits
// names the bucket; what no rule knows is Other, with its words to be read. A remedy is for the person who moves the mailboxes: where to click at Microsoft or Google, what to ask
// for, which command to type. Codes are those that the services document; texts are matched only where no code tells.
package bucket
