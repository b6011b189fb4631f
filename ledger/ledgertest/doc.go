// Package ledgertest is the one suite that every ledger passes: what the comments of package ledger promise, asked from outside. An implementation
// calls Run from its own tests.
package ledgertest
