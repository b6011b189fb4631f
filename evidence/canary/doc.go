// Package canary makes test traffic of our own, and tells which logs do not show it: such a log is not being watched, however quiet it seems. The traffic itself is never use.
//
// There are three kinds of tests: a message to the old server, a login there, and a connection to a listener of ours by the way the outside takes. How the first two are made is for others to say
// (Config); which of them are made is told by what is given.
//
// Fly makes the tests whose time has come. One that could not be made says nothing of any log, and is made again sooner. Doubt then holds what a log's follower saw of us against the last test, and tells
// why that log is not believed any more, and from when: from the last test that showed up in it, or else the first that did not. Each test must show up within its time, however often the next ones are
// made. Keep makes durable what is known, so that a log that was blind stays so over a restart; Open takes it up. Is tells our messages from others, by a MAC in their Message-ID that nobody else can make.
package canary
