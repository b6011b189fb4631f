package relay

import (
	"slices"
	"sync"

	"posthouse/internal/pace"
	"posthouse/ledger"
)

// Between what is due in the ledger and the attempts lies a short queue for each lane. The listener fills it with what it has just stored, and the scan with what it read; workers, each in
// the room of one attempt, empty it. All that lies there is Due, and whatever becomes of the queue loses nothing. Nothing is sent because it lies there: a delivery must first become Sending
// in the ledger, from just the state in which it was made ready (serve.go), so that neither a second reading of it nor a person's deed in between leads to a second attempt.

const (
	// readyRoom is how many attempts may lie ready in one lane; few is when the scan is asked for more.
	readyRoom = 2048
	few       = readyRoom / 4
	// maxKept is how large a body may be to be kept in memory until it is sent, and keptRoom how much of one lane's mail is at a time, of what is Due and again of what is Sending. The rest is read from the ledger.
	maxKept  = 64 << 10
	keptRoom = 6 << 20
)

// departure is one attempt: deliveries of one capture that go one way.
type departure struct {
	capture ledger.Capture // with no ID: to be read
	group   []ledger.Delivery
	octets  []byte // the body as received; nil: to be read
}

// ready is a lane's queue.
type ready struct {
	beginning sync.Mutex // held while some are made Sending

	mu     sync.Mutex
	begun  []*departure // Sending already
	fresh  []*departure // never tried: they go first
	tried  []*departure
	queued map[ledger.DeliveryID]bool
	coming int  // promised room among what is begun
	kept   int  // octets of bodies of what is Due
	held   int  // of what is Sending
	behind bool // more is due than lies here: what comes new waits its turn in the ledger
	asked  bool // for more, since the last look
}

func (r *ready) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.begun) + r.length()
}

// length is how many lie there that are Due.
func (r *ready) length() int { return len(r.fresh) + len(r.tried) }

// enough reports whether the scan need not look for more. What is Sending does not count: take asks for more by what is Due alone.
func (r *ready) enough() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length() > few
}

// nextBegun returns what is Sending and goes next.
func (r *ready) nextBegun() (d *departure, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.begun) == 0 {
		return d, false
	}
	d, r.begun[0] = r.begun[0], nil
	r.held -= len(d.octets)
	if r.begun = r.begun[1:]; len(r.begun) == 0 {
		r.begun = nil
	}
	return d, true
}

// putBack is for what was to go next and does not.
func (r *ready) putBack(d *departure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = append([]*departure{d}, r.begun...)
	r.held += len(d.octets)
}

// withdraw takes back what is Sending and was not attempted: all attempts with a delivery that is wanted.
func (r *ready) withdraw(wanted func(ledger.Delivery) bool) (all []ledger.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = slices.DeleteFunc(r.begun, func(d *departure) bool {
		if !slices.ContainsFunc(d.group, wanted) {
			return false
		}
		r.held -= len(d.octets)
		all = append(all, d.group...)
		return true
	})
	return all
}

// lens are how many are Sending, and how many were never tried.
func (r *ready) lens() (begun, fresh int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.begun), len(r.fresh)
}

// promise keeps a place among what is Sending for what is about to be born so, unless that are very many already, or something that was never tried waits.
func (r *ready) promise(most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.behind || len(r.fresh) > 0 || len(r.begun)+r.coming >= most {
		return false
	}
	r.coming++
	return true
}

func (r *ready) unpromise() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.coming--
}

func (r *ready) addBegun(all []*departure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range all {
		if r.held+len(d.octets) > keptRoom {
			d.octets = nil
		}
		r.held += len(d.octets)
	}
	r.begun = append(r.begun, all...)
}

// looked notes that the scan has looked, and whether there is more.
func (r *ready) looked(behind bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behind, r.asked = behind, false
}

// offer is put for what the listener has just stored; it does not overtake what waits in the ledger.
func (r *ready) offer(d *departure) bool {
	r.mu.Lock()
	behind := r.behind
	r.mu.Unlock()
	if !behind && r.put(d) {
		return true
	}
	r.looked(true)
	return false
}

// put reports whether there was room. What lies there already stays as it is.
func (r *ready) put(d *departure) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.group = slices.DeleteFunc(d.group, func(d ledger.Delivery) bool { return r.queued[d.ID] })
	if len(d.group) == 0 {
		return true
	}
	if r.length() >= readyRoom {
		return false
	}
	if r.kept+len(d.octets) > keptRoom {
		d.octets = nil
	}
	r.kept += len(d.octets)
	for _, d := range d.group {
		r.queued[d.ID] = true
	}
	if d.group[0].Attempts == 0 {
		r.fresh = append(r.fresh, d)
	} else {
		r.tried = append(r.tried, d)
	}
	return true
}

// take returns what is made Sending next, or only what was never tried, and whether it is time to look for more.
func (r *ready) take(fresh bool) (d *departure, some, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := &r.fresh
	if len(r.fresh) == 0 && !fresh {
		from = &r.tried
	}
	if len(*from) == 0 {
		return d, false, false
	}
	d, (*from)[0] = (*from)[0], nil
	if *from = (*from)[1:]; len(*from) == 0 {
		*from = nil
	}
	r.kept -= len(d.octets)
	for _, d := range d.group {
		delete(r.queued, d.ID)
	}
	more = r.length() <= few && r.behind && !r.asked
	r.asked = r.asked || more
	return d, true, more
}

// clear leaves all that is Due to the ledger, and to the next look at it.
func (r *ready) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh, r.tried, r.kept, r.asked = nil, nil, 0, true
	clear(r.queued)
}

// Offer has deliveries attempted that were committed as Due, as soon as there is room. Where much waits already they are left to the scan.
func (c *Courier) Offer(capture ledger.Capture, due []ledger.Delivery, octets []byte) {
	for _, group := range byWay(due) {
		l := c.lane(group[0].Destination)
		if l.breaker.State() != pace.Closed || !l.ready.offer(&departure{capture, group, octets}) {
			c.Hint()
			continue
		}
		c.staff(l)
	}
}
