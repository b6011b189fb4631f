package demo

import (
	"bytes"
	"crypto/sha256"
	"regexp"
)

// serverMark stands in the Received field that the demonstration's own servers write.
const serverMark = "(demonstration server)"

// ourReceived and ourTrace are the two fields that posthouse may write above a message; above a copy for the old server two more, which keep its owner's rules from sending anything.
var (
	ourReceived = regexp.MustCompile(`^Received: from \S+ \(\[[0-9.]+\]\)\r\n\tby \S+ \(posthouse\) with E?SMTP id [0-9A-Z]{26}(\r\n\tfor <[^>\r\n]+>)?;\r\n\t[^\r\n]+\r\n$`)
	ourRules    = regexp.MustCompile(`^Auto-Submitted: auto-generated\r\nX-Sieve-Redirected-From: [^\r\n]+\r\n$`)
	ourTrace    = regexp.MustCompile(`^X-Posthouse-Trace: [0-9A-Z]{26}\.[0-9A-V]{26}\r\n$`)
)

// coreOf is the digest of a message as its sender wrote it: without what the server it lies on wrote above it on delivery, and without our own fields, each once at most. Any other
// change makes it another message.
func coreOf(message []byte) core {
	return sha256.Sum256(withoutOurs(withoutDelivery(message)))
}

func withoutDelivery(message []byte) []byte {
	first, rest := cutField(message)
	second, rest := cutField(rest)
	if bytes.HasPrefix(first, []byte("Return-Path: <")) && bytes.HasPrefix(second, []byte("Received: ")) && bytes.Contains(second, []byte(serverMark)) {
		return rest
	}
	return message
}

func withoutOurs(message []byte) []byte {
	first, rest := cutField(message)
	second, rest := cutField(rest)
	if !ourReceived.Match(first) || !ourTrace.Match(second) {
		return message
	}
	_, after := cutField(rest)
	_, after = cutField(after)
	if ourRules.Match(rest[:len(rest)-len(after)]) {
		return after
	}
	return rest
}

// cutField splits the first header field, with its continuation lines, from what follows.
func cutField(message []byte) (field, rest []byte) {
	for i := 0; i < len(message); {
		end := bytes.Index(message[i:], []byte("\r\n"))
		if end < 0 {
			return message, nil
		}
		i += end + 2
		if i >= len(message) || message[i] != ' ' && message[i] != '\t' {
			return message[:i], message[i:]
		}
	}
	return message, nil
}
