package listener

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// session is go-smtp's view of a connection's transactions. go-smtp calls Data for BDAT on a goroutine of its own, which may be late: mu guards txn.
type session struct {
	conn *conn
	work *tally

	mu  sync.Mutex
	txn *transaction // nil between transactions
}

// transaction is what was said since MAIL.
type transaction struct {
	session  Session
	envelope Envelope
}

var _ smtp.Session = (*session)(nil)

// Reset forgets the transaction (RSET, EHLO, end of a message).
func (s *session) Reset() {
	s.mu.Lock()
	s.txn = nil
	s.mu.Unlock()
	s.conn.txn = underway{}
}

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// Mail begins a transaction.
func (s *session) Mail(_ string, opts *smtp.MailOptions) (err error) {
	c := s.conn
	defer s.guard(&err)
	from, params := c.cmd.path, c.cmd.arg
	switch {
	case !opts.UTF8 && !from.ascii():
		return refuseUTF8.reply()
	case opts.RequireTLS && !c.secure:
		return refusePlain.reply()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info := c.info
	info.From = from.String()
	s.txn = &transaction{session: info, envelope: Envelope{
		From: from.String(), Body: string(opts.Body), Size: c.cmd.size, SMTPUTF8: opts.UTF8, RequireTLS: opts.RequireTLS,
		Return: string(opts.Return), EnvelopeID: param(params, "ENVID"),
	}}
	c.txn.open, c.txn.from, c.deadline, c.pace = true, from.String(), time.Now().Add(c.cfg.MessageTimeout), pace{}
	return nil
}

// Rcpt asks the Intake about a recipient.
func (s *session) Rcpt(_ string, opts *smtp.RcptOptions) (err error) {
	c := s.conn
	defer s.guard(&err)
	to, params := c.cmd.path, c.cmd.arg
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.txn.envelope.SMTPUTF8 && !to.ascii() {
		return s.refused(to, refuseUTF8)
	}
	if err := c.cfg.Intake.Recipient(c.ctx, s.txn.session, to.String()); err != nil {
		return s.refused(to, s.public("deciding about a recipient", err))
	}
	s.txn.envelope.Recipients = append(s.txn.envelope.Recipients, Recipient{
		Address: to.String(), Notify: notify(opts.Notify), ORcpt: param(params, "ORCPT"),
	})
	c.txn.to = append(c.txn.to, to.String())
	c.stats.recipients++
	return nil
}

func (s *session) refused(to path, why *Refusal) error {
	s.conn.cfg.Observer.RecipientRefused(s.txn.session, to.String(), why)
	return why.reply()
}

func notify(values []smtp.DSNNotify) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ",")
}

// Data takes a message. For DATA it reads the body from the connection itself and leaves r alone, which go-smtp drains of the final dot; for BDAT
// r is the pipe that go-smtp fills.
func (s *session) Data(r io.Reader) (err error) {
	if !s.work.enter() {
		return s.conn.shutdownRefusal().reply()
	}
	defer s.work.leave()
	defer s.guard(&err)
	t, ok := s.current()
	if !ok {
		return refuseCut.reply() // BDAT's goroutine came late: the transaction is gone
	}
	d := &taking{session: s, transaction: t}
	defer d.end()
	if pipe, chunked := r.(*io.PipeReader); chunked {
		return d.take(func(w io.Writer) error { return copyPipe(w, pipe) })
	}
	d.drain = true
	return d.take(s.conn.copyBody)
}

func (s *session) current() (transaction, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.txn == nil {
		return transaction{}, false
	}
	t := *s.txn
	t.envelope.Recipients = slices.Clone(t.envelope.Recipients)
	return t, true
}

func copyPipe(w io.Writer, pipe *io.PipeReader) error {
	buf := bodyBuffers.Get().(*[bodyBuffer]byte)
	defer bodyBuffers.Put(buf)
	_, err := io.CopyBuffer(w, pipe, buf[:])
	return err
}

// public logs what was not foreseen and returns what the client may know.
func (s *session) public(doing string, err error) *Refusal {
	refusal, unforeseen := publicRefusal(err)
	if unforeseen {
		s.conn.log().WithError(fmt.Errorf("%s: %w", doing, err)).Error("answered " + refusal.Error())
	}
	return refusal
}

// guard turns a panic of the Intake into a 421, which closes.
func (s *session) guard(err *error) {
	if p := recover(); p != nil {
		s.conn.log().Errorf("panic: %v\n%s", p, debug.Stack())
		*err = refusePanic.reply()
	}
}
