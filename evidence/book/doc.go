// Package book is the sender book: what is known of everybody who used an old mail server, and how much of their use is still to be expected.
//
// An Entry is one sending system, device or user: the days on which he used the old side, and the days on which he was seen on the new one. From the days
// before the switch comes his Habit: how often he comes, and how long he is usually silent. Time runs by a Clock that passes quickly on the weekdays on which
// much usually happens and hardly on the others, and stands still while nobody watched: a weekend is not two quiet days, and neither is a blind one.
//
// Since the switch an entry is switched (seen on the new side since), stale (seen on the old side since) or unseen. Forecast weighs for each of them:
//
//   - He still uses the old side, and nothing was due yet. How likely that is depends on how long the silence is beside his habit, and on how many of the
//     others still used the old side so long after the switch: a mixture of those who follow at once, in days, in weeks and not at all (Moves), whose
//     shares are learned from what is known of everybody.
//   - He has switched, and had nothing to send since: likely where nobody sees what arrives on the new side, unlikely where it is seen and his mail is not.
//   - He is gone: he will come to neither side.
//   - He was seen on the new side, and yet one of several machines of his still uses the old one: the less likely, the more often he was seen there alone.
//
// How many forgot a machine is learned from those who turned up on the old side again and from those who were seen often enough that they would have; what carries several has
// machines of its own, which all whom it carries tell of.
//
// To this comes an allowance for those who were never seen at all, from how many new ones usually turn up and how many of these came to the old side.
// The outcome is the chance that anything comes within a horizon, the expected number, and a number that is not exceeded in 95 of 100 such cases.
//
// Everything here is a pure value: no clock of the machine, no I/O.
package book
