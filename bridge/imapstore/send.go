package imapstore

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"posthouse/bridge"
)

// badContent: an item's body is not what its size says. The command cannot be ended in truth, and a literal is never padded.
type badContent struct {
	index int
	cause error
}

func (e badContent) Error() string { return e.cause.Error() }
func (e badContent) Unwrap() error { return e.cause }

// errLanded: the server refused the command when asked for leave; it has been dealt with.
var errLanded = errors.New("refused before the literal")

// send writes one command for the group. A group that surely was not executed, because the connection had to be given up, is sent again over the next.
func (u *upload) send(g group) error {
	g = u.refuseLarge(g)
	if len(g) == 0 {
		return nil
	}
	tag, f, err := u.launch(g)
	if err != nil {
		u.owner().resend(g)
		return err
	}
	if u.slowed(tag, f) {
		return nil
	}
	err = u.write(tag, f)
	var bad badContent
	switch {
	case err == nil, errors.Is(err, errLanded):
		return nil
	case errors.As(err, &bad):
		return u.abandon(tag, f, bad)
	}
	if dead := u.closed(); dead != nil {
		err = dead // why it broke, rather than that writing failed
	}
	if !f.answered { // nobody else writes to it any more
		u.owner().resend(g)
	}
	return err
}

// slowed tells of a group that is not sent because the server asked to wait meanwhile: it surely is not put.
func (u *upload) slowed(tag string, f *flight) bool {
	p := u.owner()
	said := p.slowed.Load()
	if said == nil {
		return false
	}
	for _, item := range f.items {
		p.tell(verdict(item, *said))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.land(tag, f)
	return true
}

// closed closes the connection and returns why it ended.
func (u *upload) closed() error {
	u.conn.Close()
	<-u.dead
	return u.failure()
}

// refuseLarge saves the server, and us, what it said it would not take (RFC 7889).
func (u *upload) refuseLarge(g group) group {
	var fit group
	for _, item := range g {
		if u.limit > 0 && item.Content.Size() > u.limit {
			u.owner().tell(failed(item, bridge.ErrTooLarge, fmt.Errorf("%d octets are over the server's limit of %d", item.Content.Size(), u.limit)))
			continue
		}
		fit = append(fit, item)
	}
	return fit
}

// abandon gives up a command that cannot be ended: what flew before it may land, then the connection is closed, so that the server drops it.
func (u *upload) abandon(tag string, f *flight, bad badContent) error {
	p := u.owner()
	u.mu.Lock()
	refused := f.answered
	if !refused {
		u.land(tag, f)
	}
	u.mu.Unlock()
	if refused {
		return u.closed()
	}
	u.settle()
	p.tell(failed(f.items[bad.index], bridge.ErrBusy, bad.cause))
	rest := append(append(group{}, f.items[:bad.index]...), f.items[bad.index+1:]...)
	p.resend(rest)
	return reconnect{bad}
}

func (u *upload) write(tag string, f *flight) error {
	p := u.owner()
	if _, err := u.out.WriteString(tag + " APPEND " + mailboxName(p.f.Name)); err != nil {
		return err
	}
	for i, item := range f.items {
		text, wait := u.literals.announce(item.Content.Size())
		if _, err := u.out.WriteString(appendHead(p.store.knownIn(p.f).keepable(item.Flags), item.Date) + text); err != nil {
			return err
		}
		if wait {
			if err := u.askLeave(f); err != nil {
				return err
			}
		}
		if err := u.body(i, item.Content); err != nil {
			return err
		}
	}
	return u.end(f, "")
}

// askLeave waits for the server's "+", or its refusal.
func (u *upload) askLeave(f *flight) error {
	u.mu.Lock()
	f.waiting = true
	u.mu.Unlock()
	if err := u.out.Flush(); err != nil {
		return err
	}
	select {
	case r := <-u.leave:
		if r.tag != "+" {
			return errLanded
		}
		return nil
	case <-u.dead:
		return u.failure()
	}
}

func (u *upload) body(index int, c bridge.Content) error {
	if m, ok := c.(*inMemory); ok {
		return u.inPieces(m.octets)
	}
	r, err := c.Open()
	if err != nil {
		return badContent{index, err}
	}
	defer r.Close()
	err = copyExact(u.out, r, c.Size(), &u.pieces)
	var wrong wrongLength
	if errors.As(err, &wrong) {
		return badContent{index, err}
	}
	return err
}

// longPiece is how much is written with the patience for one write.
const longPiece = 256 << 10

// inPieces writes octets that surely are as many as announced.
func (u *upload) inPieces(octets []byte) error {
	for piece := range slices.Chunk(octets, longPiece) {
		if _, err := u.out.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// wrongLength is trouble of the source, not of the connection.
type wrongLength struct{ error }

// pieces are buffers to copy by.
type pieces [2][32 << 10]byte

// copyExact writes what r yields if that is exactly size octets. The last piece is not written before it is known to be the last, so that a longer or
// shorter source never makes a complete literal.
func copyExact(w io.Writer, r io.Reader, size int64, by *pieces) error {
	held, next := by[0][:0], by[1][:]
	var total int64
	for {
		n, err := io.ReadFull(r, next[:cap(next)])
		total += int64(n)
		if total > size {
			return wrongLength{fmt.Errorf("content is longer than its %d octets", size)}
		}
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return wrongLength{fmt.Errorf("reading content: %w", err)}
		}
		if last && total != size {
			return wrongLength{fmt.Errorf("content has %d octets instead of %d", total, size)}
		}
		if _, err := w.Write(held); err != nil {
			return err
		}
		held, next = next[:n], held
		if last {
			_, err := w.Write(held)
			return err
		}
	}
}
