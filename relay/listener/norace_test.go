//go:build !race

package listener

// bodies is how many random bodies the equivalence tests send.
const bodies = 100_000
