package imapstore

import (
	"errors"
	"fmt"
	"strconv"

	"posthouse/bridge"
)

// flight is a command whose answer is due.
type flight struct {
	items    group
	octets   int64
	written  bool // to its end
	waiting  bool // for leave to send a literal
	answered bool // by the tagged reply, or told of as unknown
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
	u.octets -= f.octets
	if len(u.flights) == 0 {
		u.conn.expect(0)
	}
	u.landed.Broadcast()
}

// resolve tells the outcomes of a flight, or sends its halves again.
func (u *upload) resolve(f *flight, r reply) {
	p := u.owner()
	if r.kind == "OK" {
		p.heed(r)
		for i, place := range places(r, len(f.items)) {
			p.tell(bridge.Outcome{ID: f.items[i].ID, Place: place, Left: p.leftOut(f.items[i])})
		}
		return
	}
	if len(f.items) > 1 && !r.everybody() {
		p.split(f.items)
		return
	}
	if len(f.items) == 1 && r.keywords() {
		if plain, fewer := p.plainer(f.items[0]); fewer {
			p.resend(group{plain})
			return
		}
	}
	p.heed(r)
	for _, item := range f.items {
		p.tell(verdict(item, r))
	}
}

// fail ends the connection. Of commands that were sent to their end nobody knows what became.
func (u *upload) fail(err error) {
	u.conn.Close()
	u.mu.Lock()
	err = hungUp(u.bye, err)
	u.err = err
	var doubtful group
	for _, f := range u.flights {
		if f.written && !f.answered {
			f.answered = true
			doubtful = append(doubtful, f.items...)
		}
	}
	clear(u.flights)
	u.inAir, u.octets = 0, 0
	p := u.p
	u.mu.Unlock()
	for _, item := range doubtful {
		p.tell(failed(item, bridge.ErrUnknown, errors.New(err.Error()))) // whatever else it is: the outcome is unknown
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
	f = &flight{items: items, octets: items.octets()}
	for u.err == nil && u.inAir > 0 && (u.inAir+len(items) > u.most || u.octets+f.octets > u.mostOctets) {
		u.landed.Wait()
	}
	if u.err != nil {
		return "", nil, u.err
	}
	u.tag++
	tag = "A" + strconv.Itoa(u.tag)
	u.flights[tag] = f
	u.inAir += len(items)
	u.octets += f.octets
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
