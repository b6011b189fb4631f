package delivery

import (
	"fmt"
	"strconv"
)

// byDATA sends the message with DATA.
func (t *transaction) byDATA() error {
	said, err := t.envelope("DATA\r\n", false)
	if err != nil || !said {
		return err
	}
	r, err := t.read(t.c.dest.Timeouts.Data)
	switch {
	case err != nil:
		return err
	case r.Code == 354 && len(t.taken) > 0:
		return t.body()
	case r.Code == 354:
		return t.nobody()
	case r.Negative():
		t.end(t.taken, replied(r))
		return nil
	}
	return fmt.Errorf("%w: unexpected %s to DATA", errProtocol, r)
}

// nobody ends a DATA that was let through though every recipient was refused:
// with a lone dot, as RFC 2920 §3.1 wants. If the sender was refused and
// recipients were not, the next hop is not to be trusted with an empty message
// and the connection is closed instead.
func (t *transaction) nobody() error {
	if t.refused {
		t.c.dead = true
		return nil
	}
	t.write([]byte(".\r\n"))
	r, err := t.verdict(t.c.dest.Timeouts.Final)
	if err != nil || r.Positive() {
		t.c.dead = true
	}
	return nil
}

// body streams the message and its final dot, and reads the final reply. The
// dot goes out in the same write as the last chunk, and only if the chunk is
// known to be the last.
func (t *transaction) body() error {
	t.c.inside.Store(true)
	at := lineStart
	for {
		end, dots, unfit := t.scan(at)
		if unfit != nil {
			return unfit
		}
		out := stuff(t.src.buffer, t.src.n, at, dots)
		if t.src.last() {
			t.handOver(append(out, ".\r\n"...), t.announce())
			return t.final()
		}
		t.write(out)
		if t.cut != nil {
			return t.early()
		}
		if err := t.src.next(chunkSize); err != nil {
			return &bodyError{err}
		}
		at = end
	}
}

// scan checks the buffered chunk for what DATA cannot carry, or a next hop
// without 8BITMIME.
func (t *transaction) scan(at lineState) (end lineState, dots int, u *Unfit) {
	chunk := t.src.chunk()
	if !t.c.ext.has("8BITMIME") && !isASCII(chunk) {
		return at, 0, &Unfit{EightBit, "though declared 7-bit"}
	}
	end, dots, u = at.scan(chunk)
	if u != nil || !t.src.last() {
		return end, dots, u
	}
	switch end {
	case midLine:
		u = &Unfit{NoFinalNewline, ""}
	case afterCR:
		u = &Unfit{BareNewline, "CR at the end"}
	}
	return end, dots, u
}

// byBDAT sends the message with BDAT: a small one in a single chunk together
// with the envelope, a large one in two, of which the second is known to be
// complete before it is announced.
func (t *transaction) byBDAT() error {
	t.chunked = true
	if t.src.whole() {
		said, err := t.envelope(bdat(t.src.size, true), true)
		if err != nil || !said {
			return err
		}
		if len(t.taken) > 0 {
			return t.final()
		}
		_, err = t.verdict(t.c.dest.Timeouts.Final)
		return err
	}
	if said, err := t.envelope("", false); err != nil || !said || len(t.taken) == 0 {
		return err
	}
	return t.twoChunks()
}

// twoChunks streams all but the last buffer full as one chunk. Waiting for its
// reply before the last chunk is only needed without PIPELINING: a chunk after
// a refused one is refused as well (RFC 3030 §2).
func (t *transaction) twoChunks() error {
	if err := t.firstChunk(); err != nil {
		return err
	}
	if !t.c.pipelining() {
		if r, err := t.chunkReply(); err != nil || !r.Positive() {
			return err
		}
	}
	t.handOver(t.src.behind(bdat(int64(t.src.n), true)), "")
	if t.c.pipelining() {
		if r, err := t.chunkReply(); err != nil || !r.Positive() {
			t.c.dead = true
			return err
		}
	}
	return t.final()
}

// firstChunk writes all but the last buffer full, which it leaves in the
// buffer.
func (t *transaction) firstChunk() error {
	t.c.inside.Store(true)
	last := (t.src.size-1)%chunkSize + 1
	head := bdat(t.src.size-last, false)
	for !t.src.last() {
		t.write(t.src.behind(head))
		if t.cut != nil {
			return t.early()
		}
		if err := t.src.next(chunkSize); err != nil {
			return &bodyError{err}
		}
		head = ""
	}
	return nil
}

// chunkReply reads the reply to a chunk that is not the last. A refusal is the
// message's.
func (t *transaction) chunkReply() (Reply, error) {
	r, err := t.messageReply()
	if err == nil && !r.Positive() {
		t.end(t.taken, replied(r))
	}
	return r, err
}

// early reads why the next hop hung up in the middle of the message, if it
// said so: then the error is errDecided.
func (t *transaction) early() error {
	r, err := t.verdict(t.c.dest.Timeouts.Check)
	if err != nil {
		return err
	}
	t.c.dead = true
	if r.Negative() {
		t.end(t.taken, replied(r))
		return errDecided
	}
	return t.cut
}

func bdat(n int64, last bool) string {
	s := "BDAT " + strconv.FormatInt(n, 10)
	if last {
		s += " LAST"
	}
	return s + "\r\n"
}
