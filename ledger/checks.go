package ledger

import "posthouse/cutover"

// Check is what was found out about the sender of a capture.
type Check struct {
	Capture  cutover.CaptureID
	Results  string // in the words of Authentication-Results
	Unwanted bool   // nobody can have waited for it
	// Fields are header fields that go before the prefix, CRLF-terminated, unless an attempt may have been made without them.
	Fields []byte
}

// Range is a part of a body: octets From, inclusive, to To, exclusive.
type Range struct{ From, To int64 }
