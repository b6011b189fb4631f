package cutover

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// TraceField is the header field that posthouse prepends to what it captures.
const TraceField = "X-Posthouse-Trace"

// CaptureID names a capture for ever. It is a ULID: 26 characters of Crockford base 32, ordered by time of capture.
type CaptureID string

// Short is the form for people: the first ten characters tell captures apart within a millisecond.
func (id CaptureID) Short() string { return string(id[:min(10, len(id))]) }

// Trace is the value of the trace field: a capture's id, a dot, and a MAC over the id. Anybody can write one; only Verify tells a true one.
type Trace string

var macEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// NewTrace makes the trace of a capture with the ledger's key.
func NewTrace(key []byte, id CaptureID) Trace {
	return Trace(string(id) + "." + mac(key, id))
}

// Verify returns the capture that the trace names when its MAC is ours. An invalid or foreign trace is ignored by callers: it never suppresses a copy.
func (t Trace) Verify(key []byte) (CaptureID, bool) {
	id, sum, ok := strings.Cut(string(t), ".")
	if !ok || !hmac.Equal([]byte(sum), []byte(mac(key, CaptureID(id)))) {
		return "", false
	}
	return CaptureID(id), true
}

func mac(key []byte, id CaptureID) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("posthouse trace v1\x00" + string(id)))
	return macEncoding.EncodeToString(h.Sum(nil)[:16])
}
