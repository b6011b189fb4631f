// Package reason tells why mail waits: from the code, the enhanced code (RFC 3463) and the words of a reply to a class, and from the class to what may be done about
// it. It has the only table of classes; those that no reply tells of (a doubt, a person's hold, a loop) are given by package relay.
//
// Servers use one code for many things and say the truth in words only, so the words of Microsoft 365, Exchange, Google and Postfix are known here, each from a reply
// that they are known to give; they are the cases of the test. The order of the questions: virus, forbidden attachment, failed authentication of the sender, an
// enhanced code that means one thing only, then our own address, spam, and what is left. A reply that speaks of our own address beside spam is about our address: mail
// that somebody waits for must not vanish among spam. One that speaks of this message's content or sender as well is for a person (judged.go).
//
// What the class decides: whether the message may go into the mailbox by another way (Rescue: never when the refusal is about content or sender), whether it is kept
// without an alarm (Quiet: spam and viruses), and what a person is told and can do (What, Remedy). A refusal that nobody can make sense of is Other, and temporary for a while, whatever
// its code.
//
// Everything here is a pure function of the reply. Text reads one that was written down, and errors of our own.
package reason
