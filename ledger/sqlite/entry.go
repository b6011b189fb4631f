package sqlite

import (
	"slices"

	"posthouse/ledger"
)

// entry is one change on its way into the journal, and among what is pending.
type entry struct {
	p     *pending
	at    int
	marks [tables]int
	moves []move
}

// move is what becomes of a delivery.
type move struct {
	at     int   // where its values begin, or inDatabase
	values []any // of the statement
	begins bool
}

func (p *pending) begin() *entry {
	return &entry{p: p, at: p.journal.begin(), marks: p.rows.marks()}
}

func (e *entry) note(text int, values []any) (err error) {
	j := e.p.journal
	j.octets, err = appendValues(j.octets, text, values)
	return err
}

// insert notes rows.
func (e *entry) insert(into *batch, args []any) error {
	table := slices.Index(order[:], into)
	if table < 0 {
		return errSlow
	}
	for row := range slices.Chunk(args, into.columns) {
		if err := e.note(textOfTable+table, row); err != nil {
			return err
		}
		if table == ofDeliveries && !isState(row[stateOfDelivery]) {
			return errSlow // the database refuses it
		}
		if table == ofBodies { // its octets are the caller's; ours lie in the record
			octets := row[1].([]byte)
			row = []any{row[0], e.p.journal.last(len(octets))}
		}
		e.p.rows.add(into, row)
	}
	return nil
}

// outcomes notes what became of deliveries that are being sent.
func (e *entry) outcomes(args []any) error {
	for values := range slices.Chunk(args, updateDeliveries.columns) {
		at, known := e.p.moving[ledger.DeliveryID(values[0].(int64))]
		if !known || !isState(values[1]) || at != inDatabase && e.p.delivery(at)[stateOfDelivery] != string(ledger.Sending) {
			return errSlow
		}
		if err := e.note(textOfOutcome, values); err != nil {
			return err
		}
		e.moves = append(e.moves, move{at: at, values: values})
	}
	return nil
}

// beginnings notes those of the deliveries that begin, and returns them: what beginDeliveries asks and does.
func (e *entry) beginnings(args []any) (map[ledger.DeliveryID]bool, error) {
	begun := map[ledger.DeliveryID]bool{}
	for values := range slices.Chunk(args, beginDeliveries.columns) {
		id := ledger.DeliveryID(values[0].(int64))
		at, known := e.p.moving[id]
		if !known || at == inDatabase {
			return nil, errSlow
		}
		row := e.p.delivery(at)
		if row[stateOfDelivery] != string(ledger.Due) || row[recipientOfDelivery] != values[2] || row[destinationOfDelivery] != values[3] ||
			row[attemptsOfDelivery] != values[4] || row[nextOfDelivery] != values[5] || row[sinceOfDelivery] != values[6] || begun[id] {
			continue
		}
		if row[attemptsOfDelivery] != 0 { // it leaves a step behind, which the database writes
			return nil, errSlow
		}
		if err := e.note(textOfBeginning, values); err != nil {
			return nil, err
		}
		begun[id] = true
		e.moves = append(e.moves, move{at: at, values: values, begins: true})
	}
	return begun, nil
}

// keep makes the entry part of what is pending.
func (e *entry) keep() {
	p := e.p
	for _, m := range e.moves {
		p.move(m)
	}
	for at := e.marks[ofDeliveries]; at < len(p.rows.tables[ofDeliveries]); at += insertDeliveries.columns {
		p.see(at)
	}
	p.counted()
}

func (e *entry) cancel() {
	e.p.journal.octets = e.p.journal.octets[:e.at]
	e.p.rows.cut(e.marks)
}

// delivery is the row whose values begin at a place.
func (p *pending) delivery(at int) []any {
	return p.rows.tables[ofDeliveries][at:][:insertDeliveries.columns]
}

// see notes whether the delivery at a place is on its way.
func (p *pending) see(at int) {
	row := p.delivery(at)
	id := ledger.DeliveryID(row[0].(int64))
	switch row[stateOfDelivery] {
	case string(ledger.Due), string(ledger.Sending):
		p.moving[id] = at
	default:
		delete(p.moving, id)
	}
}

func (p *pending) move(m move) {
	id := ledger.DeliveryID(m.values[0].(int64))
	if m.at == inDatabase {
		p.late = append(p.late, m.values...)
		delete(p.moving, id)
		return
	}
	row := p.delivery(m.at)
	if m.begins {
		p.begun = append(p.begun, begun{m.at, row[sinceOfDelivery], row[classOfDelivery]})
		row[stateOfDelivery], row[sinceOfDelivery], row[classOfDelivery] = string(ledger.Sending), m.values[1], ""
		return
	}
	last := updateDeliveries.columns - 1
	copy(row[stateOfDelivery:], m.values[1:last])
	if tell := m.values[last]; tell != "" {
		row[tellOfDelivery] = tell
	}
	p.see(m.at)
}

// isState tells what the database's own check of the column does.
func isState(v any) bool {
	text, ok := v.(string)
	return ok && slices.Contains(states[:], ledger.DeliveryState(text))
}

var states = [...]ledger.DeliveryState{ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Accepted, ledger.Settled, ledger.Held, ledger.Quiet, ledger.Dropped}
