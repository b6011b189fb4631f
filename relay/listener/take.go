package listener

import (
	"errors"
	"io"

	"github.com/emersion/go-smtp"
)

var errTooLarge = errors.New("message too large")

// taking is the reception of one message: body to Message, then Commit. It is an io.Writer for the body.
type taking struct {
	session *session
	transaction
	drain bool // DATA: after a failure the rest of the body has to be read all the same, so that it is not taken for commands

	msg  Message // nil before Begin and after its end
	size int64
	err  error // the first failure on our side
}

// take runs the message from Begin to Commit. Its result is always an *smtp.SMTPError: go-smtp turns any other error into a permanent refusal
// that shows the error's text.
func (d *taking) take(body func(io.Writer) error) error {
	s := d.session
	d.begin()
	cut := body(d)
	switch {
	case d.err == errTooLarge:
		return refuseTooLarge.reply()
	case d.err != nil:
		return s.public("storing a message", d.err).reply()
	case cut != nil || s.conn.dead.Load() || s.conn.txn.abandoned:
		return refuseCut.reply()
	}
	s.conn.keepPromise()
	id, err := d.commit()
	if err != nil {
		return s.public("committing a message", err).reply()
	}
	s.conn.stats.accepted(d.size)
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Ok: queued as " + oneLine(id)}
}

func (d *taking) begin() {
	d.msg, d.err = d.session.conn.cfg.Intake.Begin(d.session.conn.ctx, d.transaction.session, d.envelope)
	if d.err != nil {
		d.msg = nil
	}
}

// Write passes a piece of the body on. After a failure it takes and forgets the rest of a DATA, and stops a BDAT.
func (d *taking) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	if d.err == nil && d.size > d.session.conn.cfg.MaxMessageBytes {
		d.err = errTooLarge
	}
	if d.err == nil {
		_, d.err = d.msg.Write(p)
	}
	if d.err != nil && !d.drain {
		return 0, d.err
	}
	return len(p), nil
}

func (d *taking) commit() (id string, err error) {
	msg := d.msg
	d.msg = nil
	return msg.Commit(d.session.conn.ctx)
}

// end aborts what was not committed, after a panic too.
func (d *taking) end() {
	if d.msg != nil {
		d.msg.Abort()
		d.msg = nil
	}
}
