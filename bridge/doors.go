package bridge

import (
	"context"
	"fmt"
	"sync"

	"posthouse/cutover"
)

// doors are mailboxes opened for others than their worker: for deposits, questions and verification. One at a time uses a door; the last few stay open.
type doors struct {
	open func(m cutover.Mailbox, side cutover.Side) (Store, error)

	mu     sync.Mutex
	rooms  map[doorKey]*door
	recent []doorKey // most recently used last
	closed bool
	shuts  sync.WaitGroup
}

type doorKey struct {
	mailbox cutover.MailboxID
	side    cutover.Side
}

type door struct {
	mu    sync.Mutex
	store Store
	gone  bool // out of rooms: whoever still waits for it asks for another
}

// maxDoors bounds the connections that stand open for questions.
const maxDoors = 8

// with calls do with the mailbox's store on one side, alone.
func (d *doors) with(m cutover.Mailbox, side cutover.Side, do func(Store) error) error {
	r, err := d.enter(doorKey{m.ID, side})
	if err != nil {
		return err
	}
	defer r.mu.Unlock()
	if r.store == nil {
		if r.store, err = d.open(m, side); err != nil {
			return fmt.Errorf("opening the %s mailbox of %s: %w", side, m.ID, err)
		}
	}
	return do(r.store)
}

// enter returns the door, locked.
func (d *doors) enter(key doorKey) (*door, error) {
	for {
		r, err := d.room(key)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		if !r.gone {
			return r, nil
		}
		r.mu.Unlock()
	}
}

func (d *doors) room(key doorKey) (*door, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, context.Canceled
	}
	if d.rooms == nil {
		d.rooms = map[doorKey]*door{}
	}
	d.touch(key)
	r := d.rooms[key]
	if r == nil {
		r = &door{}
		d.rooms[key] = r
	}
	return r, nil
}

// touch moves key to the end of recent and closes the one that was not used for longest when there are too many.
func (d *doors) touch(key doorKey) {
	for i, id := range d.recent {
		if id == key {
			d.recent = append(d.recent[:i], d.recent[i+1:]...)
			break
		}
	}
	d.recent = append(d.recent, key)
	if len(d.recent) <= maxDoors {
		return
	}
	oldest := d.rooms[d.recent[0]]
	delete(d.rooms, d.recent[0])
	d.recent = d.recent[1:]
	d.shuts.Go(oldest.shut) // it may be in use: it is shut when that ends
}

func (r *door) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	if r.store != nil {
		r.store.Close()
		r.store = nil
	}
}

func (d *doors) closeAll() {
	d.mu.Lock()
	rooms := d.rooms
	d.rooms, d.recent, d.closed = nil, nil, true
	d.mu.Unlock()
	for _, r := range rooms {
		r.shut()
	}
	d.shuts.Wait()
}
