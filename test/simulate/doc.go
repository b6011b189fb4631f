// Command simulate tries the verdict on made-up moves of organisations: it has the real Fold and Judge look at each of them day by day, beside rules that only
// wait or only ask for silence, and prints on which day each of them says ready, and how often wanted mail came afterwards.
//
// The worlds are made by package world, which knows nothing of verdicts. Nothing is fitted: the table says what comes of it.
package main
