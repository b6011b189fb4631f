package imapstore

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
)

// record is what is known of one message from one or several FETCH responses.
type record struct {
	uid    imap.UID
	flags  []imap.Flag
	told   bool // flags were told
	date   time.Time
	size   int64
	modseq uint64
	header []byte
	body   bridge.Content
	err    error // why there is no body
	given  bool  // the body was handed on
}

// records collects the responses to one FETCH command. A message counts only when its literal was complete and its UID known, in whatever order the
// server tells.
type records struct {
	at *live
	// body keeps a body; nil when headers are fetched.
	body func(size int64, r io.Reader) (bridge.Content, error)
	// done, if not nil, is given each message as soon as its body is there, one at a time. An error of it ends the command.
	done func(*record) error

	telling sync.Mutex
	mu      sync.Mutex
	found   map[imap.UID]*record
	err     error // ended the command: ours, not the server's
}

// fetch runs one FETCH. Messages that were found stay valid whatever the error is.
func (rs *records) fetch(set imap.UIDSet, options *imap.FetchOptions) error {
	rs.found = map[imap.UID]*record{}
	end := rs.at.strays.direct(rs.take)
	cmd := rs.at.client.Fetch(set, options)
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		rs.take(msg)
	}
	err := cmd.Close()
	end()
	if rs.err != nil {
		return rs.err
	}
	return err
}

// take reads one response.
func (rs *records) take(msg *imapclient.FetchMessageData) {
	var r record
	for item := msg.Next(); item != nil; item = msg.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			r.uid = item.UID
		case imapclient.FetchItemDataFlags:
			r.flags, r.told = item.Flags, true
		case imapclient.FetchItemDataInternalDate:
			r.date = item.Time
		case imapclient.FetchItemDataRFC822Size:
			r.size = item.Size
		case imapclient.FetchItemDataModSeq:
			r.modseq = item.ModSeq
		case imapclient.FetchItemDataBodySection:
			rs.literal(&r, item.Literal)
		}
	}
	rs.merge(&r)
}

func (rs *records) literal(r *record, lit imap.LiteralReader) {
	if lit == nil {
		r.err = errors.New("server has no content for it (NIL)")
		return
	}
	if rs.body == nil {
		header, err := readHeader(lit)
		if err != nil {
			rs.broken()
			return
		}
		r.header = header
		return
	}
	r.body, r.err = rs.body(lit.Size(), lit)
	var ours localError
	switch {
	case errors.As(r.err, &ours):
		rs.end(r.err)
	case errors.Is(r.err, errTaken):
		rs.at.conn.Close() // quicker than reading what nobody wants
	case errors.Is(r.err, errShort):
		r.err = nil // the item may be read on another connection
		rs.broken()
	}
}

// broken waits for go-imap to notice that the connection broke within a literal. It reads on by itself then, and would do so again, at the same time, when
// the literal is discarded.
func (rs *records) broken() {
	rs.at.conn.Close()
	<-rs.at.client.Closed()
}

// maxHeader bounds the header of one message: the fields of identity. A longer one is cut, for identities of both sides alike.
const maxHeader = 256 << 10

func readHeader(lit imap.LiteralReader) ([]byte, error) {
	header, err := io.ReadAll(io.LimitReader(lit, maxHeader))
	if err == nil && int64(len(header)) != min(lit.Size(), maxHeader) {
		err = errShort
	}
	return header, err
}

// end stops the command by closing its connection.
func (rs *records) end(err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.err == nil {
		rs.err = err
		rs.at.conn.Close()
	}
}

// merge adds what one response told to what others told of the same message.
func (rs *records) merge(r *record) {
	rs.mu.Lock()
	have := rs.found[r.uid]
	if r.uid == 0 || have != nil && have.complete() && r.body != nil {
		rs.mu.Unlock()
		discard(r)
		return
	}
	if have == nil {
		have = &record{uid: r.uid}
		rs.found[r.uid] = have
	}
	had := have.complete()
	have.add(r)
	tell := rs.done != nil && !had && have.complete() && rs.err == nil
	told := *have
	if tell {
		have.body, have.given = nil, true
	}
	rs.mu.Unlock()
	if tell {
		rs.tell(&told)
	}
}

func (rs *records) tell(r *record) {
	rs.telling.Lock()
	defer rs.telling.Unlock()
	if err := rs.done(r); err != nil {
		rs.end(err)
	}
}

func discard(r *record) {
	if r.body != nil {
		r.body.Close()
	}
}

func (r *record) complete() bool { return r.body != nil || r.err != nil || r.given }

func (r *record) add(more *record) {
	if more.told {
		r.flags, r.told = more.flags, true
	}
	if !more.date.IsZero() {
		r.date = more.date
	}
	r.size, r.modseq = max(r.size, more.size), max(r.modseq, more.modseq)
	if more.header != nil {
		r.header = more.header
	}
	if more.body != nil || more.err != nil {
		r.body, r.err = more.body, more.err
	}
}
