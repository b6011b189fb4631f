// Package evidence weighs the signs of use of an old mail server and says whether it may be switched off.
//
// Sources (the listener's captures, log files, new items in old mailboxes) give observations: one fact each, with its time, channel and sender.
// They also give coverage: the spans in which they were really being watched. Fold and Cover gather both into a Testimony, which holds
// aggregates only, so that months of traffic fit into little memory. The daemon adds what it knows of open work. Judge then holds a
// Testimony against a Policy and returns a Verdict: ready, not yet or blind, with reasons in order of weight and the earliest time.
//
// Past is who wrote to the old mailboxes before, as a set of days and messages: what is found again counts once.
//
// The order of questions in Judge:
//
//  1. Was every required source watched, now and for most of the window, and did the outside world reach the listeners? If not, the verdict is
//     blind, whatever else is known.
//  2. Is work open: captures not settled, held messages, mailboxes that were not verified? Then it is not yet.
//  3. Did wanted use happen within the quiet period, or does a session still last? Then it is not yet, and the users are named.
//  4. Was the quiet period long enough, counting only time in which all required sources were watched together?
//
// Silence counts only where somebody listened: a gap in coverage never makes anything ready, and never counts as quiet.
//
// Everything here is pure: values in, values out, no clock, no I/O, no logging. A Testimony is never changed in place: Fold and Cover return
// a new one that shares what did not change, so an older value may be kept, judged and exported while newer ones are made.
package evidence
