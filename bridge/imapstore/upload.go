package imapstore

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"posthouse/bridge"
)

// upload is a connection in use for APPENDs: the caller's goroutine writes, one goroutine reads the answers.
type upload struct {
	*session
	out      *bufio.Writer
	multi    bool
	literals literalRule
	limit    int64 // APPENDLIMIT; 0 is unknown
	release  func()
	patience time.Duration
	most     int // items in flight

	leave chan reply    // the server's answer to a literal that has to wait
	dead  chan struct{} // closed when nothing more will be read or told

	mu      sync.Mutex
	landed  sync.Cond // a flight has ended, or all did
	p       *putting
	flights map[string]*flight
	inAir   int    // items
	bye     string // the server's last words
	err     error  // why it is dead
}

// flight is a command whose answer is due.
type flight struct {
	items    group
	written  bool // to its end
	waiting  bool // for leave to send a literal
	answered bool
}

func newUpload(s *session, release func(), p *putting) *upload {
	o := p.writer.store.o
	u := &upload{
		session: s, multi: s.caps.has("MULTIAPPEND"), literals: s.caps.literals(), limit: s.caps.value("APPENDLIMIT"), release: release,
		patience: o.Timeout, most: o.AppendMax, leave: make(chan reply, 1), dead: make(chan struct{}), p: p, flights: map[string]*flight{},
	}
	if u.multi {
		u.most *= 3 // the next command travels while the server commits the last one
	}
	u.out = bufio.NewWriterSize(pushing{u}, 64<<10)
	u.landed.L = &u.mu
	go u.listen()
	return u
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
		select {
		case u.leave <- r:
			return nil
		default:
			return errors.New("server gave leave for a literal that nobody asked for")
		}
	case r.tag != "*":
		return u.answer(r)
	case r.kind == "BYE":
		u.mu.Lock()
		u.bye = r.said()
		u.mu.Unlock()
	case r.kind == "BAD":
		return fmt.Errorf("server does not understand: %s", r.said())
	}
	return nil
}

// answer ends a flight. It counts as flying until its outcomes were told: a Put must not return before.
func (u *upload) answer(r reply) error {
	u.mu.Lock()
	f, ok := u.flights[r.tag]
	if ok {
		f.answered = true
	}
	asked, early := ok && f.waiting, ok && !f.written && !f.waiting
	u.mu.Unlock()
	if !ok {
		return fmt.Errorf("server answered a command that was not sent: %s", r.said())
	}
	if r.kind == "OK" && (asked || early) {
		return fmt.Errorf("server answered OK before the command ended: %s", r.said())
	}
	u.resolve(f, r)
	u.mu.Lock()
	u.land(r.tag, f)
	p := u.p
	u.mu.Unlock()
	p.nudge()
	if asked {
		u.leave <- r
	}
	if early {
		// Its literal is half sent. The server may read the rest as the literal, or as commands: nothing more may go over this connection.
		return reconnect{fmt.Errorf("server refused a command before its end: %s", r.said())}
	}
	return nil
}

// land removes a flight; the caller holds mu.
func (u *upload) land(tag string, f *flight) {
	delete(u.flights, tag)
	u.inAir -= len(f.items)
	if len(u.flights) == 0 {
		u.conn.expect(0)
	}
	u.landed.Broadcast()
}

// resolve tells the outcomes of a flight, or sends its halves again.
func (u *upload) resolve(f *flight, r reply) {
	p := u.owner()
	if r.kind == "OK" {
		for i, place := range places(r, len(f.items)) {
			p.tell(bridge.Outcome{ID: f.items[i].ID, Place: place})
		}
		return
	}
	if len(f.items) > 1 && !r.everybody() {
		p.split(f.items)
		return
	}
	for _, item := range f.items {
		p.tell(verdict(item, r))
	}
}

// fail ends the connection. Of commands that were sent to their end nobody knows what became.
func (u *upload) fail(err error) {
	u.conn.Close()
	u.mu.Lock()
	if u.bye != "" {
		err = fmt.Errorf("%w (%s)", err, u.bye)
	}
	u.err = err
	var doubtful group
	for _, f := range u.flights {
		if f.written && !f.answered {
			doubtful = append(doubtful, f.items...)
		}
	}
	clear(u.flights)
	u.inAir = 0
	p := u.p
	u.mu.Unlock()
	for _, item := range doubtful {
		p.tell(failed(item, bridge.ErrUnknown, err))
	}
	close(u.dead)
	u.landed.Broadcast()
	p.nudge()
}

// failure is why the connection ended; nil while it lives.
func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

func (u *upload) flying() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.flights)
}

// launch waits until there is room in the air and registers a flight.
func (u *upload) launch(items group) (tag string, f *flight, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.err == nil && u.inAir > 0 && u.inAir+len(items) > u.most {
		u.landed.Wait()
	}
	if u.err != nil {
		return "", nil, u.err
	}
	u.tag++
	tag = "A" + strconv.Itoa(u.tag)
	f = &flight{items: items}
	u.flights[tag] = f
	u.inAir += len(items)
	return tag, f, nil
}

// settle waits until everything in the air has landed.
func (u *upload) settle() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.flights) > 0 && u.err == nil {
		u.landed.Wait()
	}
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
