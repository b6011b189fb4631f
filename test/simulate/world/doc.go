// Package world makes up the mail of organisations that move, day by day, for trying verdicts against: who sends how often, who follows the switch and who does
// not, what is noticed of it and what is not. It knows nothing of how verdicts are made. What it is made of stands, with its reasons, in parameters.toml.
//
// The same parameters and seed make the same world. What people do in it (asking a sender to move) changes only what follows from it.
package world
