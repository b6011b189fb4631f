// Package callout asks mail servers which addresses they know, and remembers what they said.
//
// In order, for an address that no list has: what a Source answered not long ago is the answer. Else it has to have shown that it can say no: in the last hour it refused an
// address of that domain that nobody can have. One that took it takes everything, and so knows nothing: Mute. Then the question itself is put, one at a time for each
// address, whoever asks. Sources joins several servers to one answer.
//
// It promises that a server is asked no more often than its rate, whoever guesses how many addresses; that who waits for an answer waits no longer than the timeout; that
// only a refusal of the recipient counts as a No, and whatever else a server says or does not say is Later; and that a server which asks us about the address that we are
// asking it about is not asked once more for that.
//
// What a Yes means for the mail is not decided here, nor who may be refused.
package callout
