package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// transaction is one message on one session: MAIL to the final reply.
type transaction struct {
	c    *conn
	env  *Envelope
	src  *source
	outs []Outcome

	live  []int // recipients that RCPT is said for
	taken []int // those of them that were accepted so far

	announces bool // what is sent next may be told

	utf8    bool  // MAIL says SMTPUTF8
	heard   int   // replies read
	refused bool  // MAIL was
	chunked bool  // the message goes by BDAT
	told    bool  // the envelope went ahead, with DATA
	handed  bool  // the last octet of the message is with the kernel
	closing Reply // a 421, which ends the session whatever it answers
	goesOn  bool  // behind which more was said, or is to be decided apart
	cut     error // why a write failed; what the next hop still said is read
}

// run ends every recipient that has no outcome yet. The error says why some
// are Unsent, InDoubt or, all of them, NotFit.
func (t *transaction) run(ctx context.Context) error {
	t.c.clean = false
	t.c.messages++
	t.told, t.c.ahead = t.c.ahead != nil, nil
	if u := t.unfit(); u != nil {
		t.c.clean, t.c.dead = !t.told, t.told
		return u
	}
	if len(t.live) == 0 {
		t.c.clean, t.c.dead = !t.told, t.told
		return nil
	}
	var err error
	if !t.told {
		err = t.introduce()
	}
	switch {
	case err != nil:
	case !t.told && t.c.ext.has("CHUNKING"):
		err = t.byBDAT()
	default:
		err = t.byDATA()
	}
	if err == nil || errors.Is(err, errDecided) {
		return nil
	}
	return t.fail(ctx, err)
}

// introduce tells a next hop that wants to know for whom we act. It forgets
// that with each transaction, and whatever it says to it decides nothing,
// unless it hangs up.
func (t *transaction) introduce() error {
	line := xforward(t.env.Origin, t.c.ext)
	if line == "" {
		return nil
	}
	t.write([]byte(line))
	r, err := t.read(t.c.dest.Timeouts.Command)
	switch {
	case err != nil:
		return err
	case r.Code == 421:
		return errors.New("hanging up after XFORWARD")
	}
	t.heard = 0
	return nil
}

// unfit finds what this next hop cannot take before anything is said.
func (t *transaction) unfit() *Unfit {
	u := t.c.ext.fit(t.env, t.src.size)
	if u == nil && !t.c.ext.has("CHUNKING") {
		_, _, u = t.scan(lineStart)
	}
	if u != nil {
		t.end(t.live, Outcome{Kind: NotFit, Err: u})
		return u
	}
	fitting := t.live[:0]
	for _, i := range t.live {
		if u := t.c.ext.fitRecipient(&t.env.Recipients[i]); u != nil {
			t.outs[i] = Outcome{Kind: NotFit, Err: u}
			continue
		}
		fitting = append(fitting, i)
	}
	t.live = fitting
	return nil
}

// read reads one reply and notes what it means for the session.
func (t *transaction) read(timeout time.Duration) (Reply, error) {
	if t.cut != nil {
		timeout = min(timeout, t.c.dest.Timeouts.Check)
	}
	if t.told && t.heard == 0 {
		timeout = min(timeout, hearTimeout)
	}
	r, err := t.c.reply(timeout)
	if err != nil {
		if t.cut != nil {
			err = t.cut
		}
		return r, err
	}
	t.heard++
	t.goesOn = t.closing.Code != 0
	if r.Code == 421 {
		t.closing, t.goesOn = r, false
		t.c.dead = true
	}
	return r, nil
}

// verdict reads a reply that must be 2xx, 4xx or 5xx.
func (t *transaction) verdict(timeout time.Duration) (Reply, error) {
	r, err := t.read(timeout)
	if err == nil && !r.Positive() && !r.Negative() {
		err = fmt.Errorf("%w: unexpected %s", errProtocol, r)
	}
	return r, err
}

// write writes p. After a failure nothing more is written, but what the next
// hop said before it hung up can still be read, and may be why it did.
func (t *transaction) write(p []byte) (n int) {
	if t.cut != nil {
		return 0
	}
	n, err := t.c.write(p)
	if err == nil && n < len(p) {
		err = errors.New("short write")
	}
	t.cut = err
	return n
}

// handOver writes the last octets of the message, and what goes along with them.
func (t *transaction) handOver(p []byte, along string) {
	t.c.inside.Store(true)
	t.handed = t.write(append(p, along...)) >= len(p)
	t.c.inside.Store(!t.handed || along != "")
}

// final reads what the next hop says of the message as a whole; with LMTP, for
// each recipient it took.
func (t *transaction) final() error {
	if t.c.dest.Protocol != LMTP {
		r, err := t.finalReply()
		if err != nil {
			return err
		}
		t.end(t.taken, t.answered(r))
	} else {
		for n, i := range t.taken {
			r, err := t.finalReply()
			if err != nil {
				t.goesOn = t.goesOn || n > 0
				return err
			}
			t.outs[i] = t.answered(r)
		}
	}
	t.c.clean = t.c.ahead == nil
	t.c.dead = t.c.dead || !t.handed || t.cut != nil
	return nil
}

// answered is what a reply to the whole message decides.
func (t *transaction) answered(r Reply) Outcome {
	o := replied(r)
	o.Notifies = o.Kind == Accepted && t.c.ext.has("DSN")
	return o
}

// finalReply believes a yes only to a message that was handed over whole.
func (t *transaction) finalReply() (Reply, error) {
	r, err := t.messageReply()
	if err == nil && r.Positive() && !t.handed {
		err = t.cut
	}
	return r, err
}

// messageReply reads a reply to the message, or to a chunk of it.
func (t *transaction) messageReply() (Reply, error) {
	r, err := t.verdict(t.c.dest.Timeouts.Final)
	if err == nil && t.chunked && (r.Code == 500 || r.Code == 502) && t.c.dest.Protocol != LMTP {
		err = errNoBDAT
	}
	return r, err
}

func (t *transaction) end(recipients []int, o Outcome) {
	for _, i := range recipients {
		t.outs[i] = o
	}
}

// fail ends those without an outcome after the session or the body failed.
func (t *transaction) fail(ctx context.Context, err error) error {
	t.c.dead = true
	var unfit *Unfit
	var body *bodyError
	switch {
	case errors.As(err, &unfit):
		return t.abandon(Outcome{Kind: NotFit, Err: unfit}, unfit)
	case errors.Is(err, errNoBDAT):
		return err // all are sent to once more
	case errors.As(err, &body):
		return t.abandon(Outcome{Kind: Unsent, Err: body.err}, body.err)
	case t.closing.Code != 0 && (!t.handed || !t.goesOn && ctx.Err() == nil && hungUp(err)):
		// The next hop said that it would hang up, and did: what it had not
		// accepted by then it never will. One that says 421 and does not hang
		// up, or goes on before it does, may have accepted what it has.
		return t.abandon(replied(t.closing), nil)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if !t.handed {
		err = t.c.failed(t.stage(), err)
		return t.abandon(Outcome{Kind: Unsent, Err: err}, err)
	}
	err = t.c.failed(StageFinal, err)
	return t.abandon(Outcome{Kind: InDoubt, Err: err}, err)
}

func (t *transaction) abandon(o Outcome, err error) error {
	open := false
	for _, i := range t.live {
		if t.outs[i].Kind == Unsent {
			t.outs[i] = o
			open = true
		}
	}
	if !open {
		return nil
	}
	return err
}

func (t *transaction) stage() Stage {
	if t.heard <= len(t.live) {
		return StageEnvelope
	}
	return StageData
}

// stale reports that the session had died while it was idle: nothing came back
// but perhaps a 421, and the message was not handed over.
func (t *transaction) stale(err error) bool {
	var s *SessionError
	switch {
	case t.handed:
		return false
	case t.heard == 0:
		return errors.As(err, &s) && (hungUp(s.Err) || t.told && errors.Is(s.Err, os.ErrDeadlineExceeded))
	}
	return t.heard == 1 && t.closing.Code != 0
}

// hungUp reports that the other side closed the connection.
func hungUp(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// errDecided: every recipient has an outcome, though the session went wrong.
var errDecided = errors.New("decided")

// errNoBDAT: the next hop offered CHUNKING, and says that it knows no BDAT. That judges no message; what
// was to be one it reads as commands, so nothing more is said to it in this session.
var errNoBDAT = errors.New("BDAT is not known, though CHUNKING was offered")

// bodyError marks trouble with our own side's bytes.
type bodyError struct{ err error }

func (b *bodyError) Error() string { return b.err.Error() }
