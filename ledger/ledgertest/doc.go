// Package ledgertest is the one suite that every ledger passes: what the comments of package ledger promise, asked from outside. An implementation
// calls Run from its own tests, with one function that makes a new ledger and one that closes a ledger and opens what it kept.
//
// The order of what is asked: captures and their bodies, deliveries and their states, items and their folders, testimony and facts, claims; then
// what holds for every change (one that fails is undone alone, an ended context, a closed ledger); and last that everything survives a restart.
package ledgertest
