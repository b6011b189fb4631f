package sqlite

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"posthouse/ledger"
)

const (
	// pendingFor is how long rows stay in the journal alone at most.
	pendingFor = time.Second
	// pendingMany is how many captures do.
	pendingMany = 256
	// journalAgain is how long after a full disk the next journal is made.
	journalAgain = time.Minute
)

// inDatabase: the row is not among those that are pending.
const inDatabase = -1

// errSlow: the change cannot do without the database.
var errSlow = errors.New("needs the database")

// newPending has what an earlier process left behind count no more before anything is written.
func newPending(folder string) *pending {
	return &pending{folder: folder, moving: map[ledger.DeliveryID]int{}, renew: true}
}

// pending are rows that are durable in the journal and not in the database yet, which takes them in when they are many, when something else is asked or written, or after a while. Most deliveries
// have had their outcome by then, which so costs no row of its own. The writer's goroutine alone touches it, count apart.
type pending struct {
	folder  string
	epoch   uint64   // of records that the database does not have yet
	journal *journal // nil while there is none: each change goes to the database
	wanted  bool     // a change came that a journal could have taken
	again   time.Time
	rows    gathered
	moving  map[ledger.DeliveryID]int // deliveries that are due or sending: where among the values of their table they begin, or inDatabase, which has only those that are sending
	late    []any                     // outcomes of those in the database
	count   atomic.Int64              // of captures and late outcomes: readers have them taken in first
	renew   bool                      // the epoch may have records that count no more, or the database another one
	begun   []begun                   // since the last commit
	next    uint64                    // the epoch that the running transaction begins
	due     <-chan time.Time
	durable [tables]int // what of the rows is
}

// ready tells whether the journal takes changes.
func (p *pending) ready() bool {
	if p.journal == nil {
		p.wanted = true
		return false
	}
	return p.journal.usable() && !p.renew
}

// many tells whether it is time for the database to take in what there is.
func (p *pending) many() bool {
	return p.count.Load() >= pendingMany || p.journal != nil && p.journal.full()
}

// take runs a change without the database, if it can be. It is durable after the next commit.
func (p *pending) take(c *change, ids map[string]int64) bool {
	if !p.ready() {
		return false
	}
	e := p.begin()
	captures, deliveries := ids["captures"], ids["deliveries"]
	t := &tx{ids: ids, quick: e}
	if protect(t, c.run) != nil || !p.journal.end(e.at) { // the database answers what is wrong with it
		e.cancel()
		if captures > 0 && deliveries > 0 { // they were known: they are given back
			ids["captures"], ids["deliveries"] = captures, deliveries
		}
		return false
	}
	e.keep()
	c.after = t.after
	return true
}

// commit makes what was taken durable. After an error none of it stands, but for outcomes: those are told to the database, whatever came of their recording.
func (p *pending) commit() error {
	if err := p.journal.sync(); err != nil {
		p.journal.octets = p.journal.octets[:p.journal.synced]
		p.unbegin()
		for id, at := range p.moving {
			if at >= p.durable[ofDeliveries] {
				delete(p.moving, id)
			}
		}
		p.cut(p.durable)
		p.renew = true
		return err
	}
	p.durable, p.begun = p.rows.marks(), p.begun[:0]
	return nil
}

// begun is a delivery before it began: where its values begin, and those that change.
type begun struct {
	at           int
	since, class any
}

// unbegin has what began since the last commit due again: whoever began it is told that it did not.
func (p *pending) unbegin() {
	for _, b := range p.begun {
		if row := p.delivery(b.at); row[stateOfDelivery] == string(ledger.Sending) {
			row[stateOfDelivery], row[sinceOfDelivery], row[classOfDelivery] = string(ledger.Due), b.since, b.class
		}
	}
	p.begun = p.begun[:0]
}

// cut forgets the rows after the marks.
func (p *pending) cut(marks [tables]int) {
	p.rows.cut(marks)
	p.counted()
}

func (p *pending) counted() {
	n := int64(len(p.rows.tables[ofCaptures])/insertCaptures.columns + len(p.late)/updateDeliveries.columns)
	if p.count.Swap(n) == 0 && n > 0 {
		p.due = time.After(pendingFor)
	}
}

// moved notes how deliveries stand in the database: the outcome of one that is being sent can wait.
func (p *pending) moved(deliveries []ledger.Delivery) {
	for _, d := range deliveries {
		if d.State == ledger.Sending {
			p.moving[d.ID] = inDatabase
		} else {
			delete(p.moving, d.ID)
		}
	}
}

// write has the database take in everything, within the running transaction.
func (p *pending) write(t *tx) error {
	p.next = 0
	if p.count.Load() == 0 && !p.renew {
		return nil
	}
	if err := p.rows.insert(t); err != nil {
		return err
	}
	if _, err := updateDeliveries.run(t, p.late); err != nil {
		return err
	}
	p.next = newEpoch()
	_, err := t.exec("UPDATE marker SET journal = ?", int64(p.next))
	return err
}

// written forgets what the database has taken in, now that it is durable there.
func (p *pending) written() {
	if p.next == 0 {
		return
	}
	p.epoch, p.next, p.renew, p.due = p.next, 0, false, nil
	for id, at := range p.moving {
		switch {
		case at == inDatabase:
		case p.delivery(at)[stateOfDelivery] == string(ledger.Sending):
			p.moving[id] = inDatabase
		default:
			delete(p.moving, id)
		}
	}
	clear(p.late)
	p.late = p.late[:0]
	p.cut([tables]int{})
	p.durable = [tables]int{}
	switch {
	case p.journal == nil:
	case !p.journal.sound():
		p.drop()
	default:
		p.journal.reset(p.epoch)
	}
}

// unwritten notes that a commit failed in the act. The database's log may hold it all the same, and a later start find it there, with the next epoch: what the journal took until then would be lost.
func (p *pending) unwritten() { p.renew = p.renew || p.next != 0 }

// giveWay gives a full disk the room that the journal kept for it; false when it has none.
func (p *pending) giveWay(err error) bool {
	return isFull(err) && p.journal != nil && p.journal.spend()
}

// make makes the journal where one is wanted. Where that fails the ledger works without it, and it is tried again later.
func (p *pending) make() {
	if !p.wanted || p.renew || p.journal != nil || time.Now().Before(p.again) {
		return
	}
	j, err := makeJournal(p.folder, p.epoch)
	if err != nil {
		p.again = time.Now().Add(journalAgain)
		return
	}
	p.journal = j
}

// drop gives the journal's space back.
func (p *pending) drop() {
	p.again = time.Now().Add(journalAgain)
	_ = p.journal.close()
	_ = os.Remove(p.journal.path())
	p.journal = nil
}

func (p *pending) close() error {
	if p.journal == nil {
		return nil
	}
	return p.journal.close()
}
