package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// scanner learns what a capture must know of its octets while they pass by. It is an io.Writer that never fails.
type scanner struct {
	digester *cutover.BodyDigester
	eightBit bool
}

func newScanner() *scanner {
	return &scanner{digester: cutover.NewOctetDigester()}
}

func (s *scanner) Write(p []byte) (int, error) {
	s.eightBit = s.eightBit || hasEightBit(p)
	return s.digester.Write(p)
}

// hasEightBit looks at eight octets at a time.
func hasEightBit(p []byte) bool {
	for ; len(p) >= 8; p = p[8:] {
		if binary.LittleEndian.Uint64(p)&0x8080808080808080 != 0 {
			return true
		}
	}
	return slices.ContainsFunc(p, func(c byte) bool { return c >= 0x80 })
}

// fill writes what was learned into the capture.
func (s *scanner) fill(c *ledger.Capture) {
	c.Size = s.digester.Size()
	c.Sum = s.digester.Octets()
	c.Digest = s.digester.Digest()
	c.Identity = s.digester.Identity()
	c.MessageID = c.Identity.MessageID
	if len(c.MessageID) > maxMessageID {
		c.MessageID = ""
	}
	c.Bare, c.EightBit = s.digester.Bare(), s.eightBit
	c.Hops = len(hops(s.digester.Header()))
	c.Repeat = repeat(c.Envelope, c.Sum)
}

// maxMessageID is the length up to which a Message-ID is kept with its capture: that of a line (RFC 5322 §2.1.1).
const maxMessageID = 998

// repeat is the same for a transaction that is sent a second time: reverse path, recipients in any order, and octets.
func repeat(e ledger.Envelope, sum cutover.Digest) cutover.Digest {
	recipients := make([]string, len(e.Recipients))
	for i, r := range e.Recipients {
		recipients[i] = string(r.Address)
	}
	slices.Sort(recipients)
	if e.RequireTLS { // what waits for TLS is no answer to who sends without
		recipients = append(recipients, "REQUIRETLS")
	}
	h := sha256.New()
	for _, part := range append([]string{e.From, string(sum[:])}, recipients...) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return cutover.Digest(h.Sum(nil))
}

// hops returns the Received fields of a header, newest first.
func hops(header []byte) []string {
	var found []string
	in := false
	for line := range bytes.Lines(header) {
		text := string(bytes.TrimRight(line, "\r\n"))
		switch {
		case text == "":
			return found
		case text[0] == ' ' || text[0] == '\t':
			if in {
				found[len(found)-1] += " " + strings.TrimSpace(text)
			}
		default:
			name, value, ok := strings.Cut(text, ":")
			if in = ok && strings.EqualFold(strings.TrimSpace(name), "Received"); in {
				found = append(found, strings.TrimSpace(value))
			}
		}
	}
	return found
}

// loopReason names the hops between which a message goes round, or is empty when it has few hops.
func loopReason(header []byte) string {
	found := hops(header)
	if len(found) <= maxHops {
		return ""
	}
	last, before := lastHops(found)
	return fmt.Sprintf("goes round: %d Received lines, between %q and %q; mend the route there", len(found), last, before)
}

// lastHops are the host that handed the message to us and the last other one before it: a host may write several Received fields in a row.
func lastHops(received []string) (last, before string) {
	last = hopName(received[0])
	for _, r := range received[1:] {
		if before = hopName(r); before != last {
			break
		}
	}
	return last, before
}

// hopName is the host that wrote a Received field: what follows "by".
func hopName(received string) string {
	words := strings.Fields(received)
	for i, w := range words {
		if strings.EqualFold(w, "by") && i+1 < len(words) {
			return strings.TrimRight(words[i+1], ";")
		}
	}
	return "unknown"
}
