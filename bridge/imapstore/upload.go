package imapstore

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"posthouse/bridge"
)

// upload is a connection in use for APPENDs: the caller's goroutine writes, one goroutine reads the answers.
type upload struct {
	*session
	out      *bufio.Writer
	pieces   pieces
	multi    bool
	literals literalRule
	limit    int64 // APPENDLIMIT; 0 is unknown
	release  func()
	patience time.Duration
	most     int // items in flight
	// mostOctets bounds what they hold, for they lie in our memory until they are answered. A larger one flies alone.
	mostOctets int64

	leave chan reply    // the server's answer to a literal that has to wait
	dead  chan struct{} // closed when nothing more will be read or told

	mu      sync.Mutex
	landed  sync.Cond // a flight has ended, or all did
	p       *putting
	flights map[string]*flight
	inAir   int    // items
	octets  int64  // of them
	bye     string // the server's last words
	err     error  // why it is dead
}

func newUpload(o Options, s *session, release func(), p *putting) *upload {
	u := &upload{
		session: s, multi: s.caps.has("MULTIAPPEND"), literals: s.caps.literals(), limit: s.caps.value("APPENDLIMIT"), release: release,
		patience: o.Timeout, most: o.AppendMax, mostOctets: 3 * o.AppendSize, leave: make(chan reply, 1), dead: make(chan struct{}), p: p, flights: map[string]*flight{},
	}
	if u.multi {
		u.most *= 3 // the next command travels while the server commits the last one
	}
	u.out = bufio.NewWriterSize(pushing{u}, 64<<10)
	u.landed.L = &u.mu
	go u.listen()
	return u
}

// give passes on leave for a literal. From then on the flight waits no more: a refusal now comes too early.
func (u *upload) give(r reply) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, f := range u.flights {
		if f.waiting {
			f.waiting = false
			u.leave <- r // has room: one flight waits at a time
			return nil
		}
	}
	return errors.New("server gave leave for a literal that nobody asked for")
}

// pushing writes with patience: as long as something is taken off our hands the server is alive, although it says nothing.
type pushing struct{ u *upload }

func (w pushing) Write(p []byte) (int, error) {
	w.u.conn.expect(w.u.patience)
	if err := w.u.conn.SetWriteDeadline(time.Now().Add(w.u.patience)); err != nil {
		return 0, err
	}
	return w.u.conn.Write(p)
}

func (u *upload) adopt(p *putting) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.p = p
}

func (u *upload) owner() *putting {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.p
}

// listen reads answers until the connection ends.
func (u *upload) listen() {
	for {
		r, err := u.read()
		if err == nil {
			err = u.hear(r)
		}
		if err != nil {
			u.fail(err)
			return
		}
	}
}

func (u *upload) hear(r reply) error {
	switch {
	case r.tag == "+":
		return u.give(r)
	case r.tag != "*":
		return u.answer(r)
	case r.kind == "BYE":
		u.mu.Lock()
		u.bye = strings.TrimPrefix(r.said(), "BYE ")
		u.mu.Unlock()
	case r.kind == "BAD":
		if r.slows() {
			return fmt.Errorf("%w: %w", bridge.ErrConnection, asBusy(r, refusal{r}))
		}
		return fmt.Errorf("server does not understand: %s", r.said())
	}
	return nil
}

// noop makes sure that the connection is alive.
func (u *upload) noop() error {
	tag, f, err := u.launch(nil)
	if err != nil {
		return err
	}
	if err := u.end(f, tag+" NOOP"); err != nil {
		return err
	}
	u.settle()
	return u.failure()
}

// end writes the last octets of a command.
func (u *upload) end(f *flight, text string) error {
	u.mu.Lock()
	f.written = true
	u.mu.Unlock()
	if _, err := u.out.WriteString(text + "\r\n"); err != nil {
		return err
	}
	return u.out.Flush()
}

func (u *upload) close() {
	if u.failure() == nil && u.flying() == 0 {
		_, _ = u.conn.Write([]byte("Z LOGOUT\r\n")) // good manners; it ends either way
	}
	u.conn.Close()
	<-u.dead
	u.release()
}
