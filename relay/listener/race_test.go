//go:build race

package listener

// bodies is how many random bodies the equivalence tests send: fewer where each costs ten times as much.
const bodies = 10_000
