package sqlite

import (
	"strings"

	"posthouse/ledger"
)

// Many deliveries change in one statement, which names those it changed.
var (
	updateDeliveries = newChanges(10, `SET state = v.column2, attempts = v.column3, next = v.column4, since = v.column5, reply = v.column6, reason = v.column7, class = v.column8, seen = v.column9,
		act = iif(deliveries.state = v.column2 AND deliveries.since = v.column5, act, ''), tell = coalesce(nullif(v.column10, ''), tell)`, "")
	beginDeliveries = newChanges(7, `SET state = 'sending', since = v.column2, class = '', act = ''`,
		` AND state = 'due' AND recipient = v.column3 AND destination = v.column4 AND attempts = v.column5 AND next = v.column6 AND since = v.column7`)
)

// changes is an UPDATE of many deliveries, whose ids are the first column of the values.
type changes struct {
	texts   [len(batchSizes)]string
	columns int
}

func newChanges(columns int, set, where string) changes {
	c := changes{columns: columns}
	for i, size := range batchSizes {
		rows := strings.TrimSuffix(strings.Repeat(marks(columns)+",", size), ",")
		c.texts[i] = "UPDATE deliveries " + set + " FROM (VALUES " + rows + ") AS v WHERE deliveries.id = v.column1" + where + " RETURNING id"
	}
	return c
}

// run returns the deliveries that were changed.
func (c *changes) run(t *tx, args []any) (map[ledger.DeliveryID]bool, error) {
	touched := map[ledger.DeliveryID]bool{}
	for i, size := range batchSizes {
		for n := size * c.columns; len(args) >= n; args = args[n:] {
			ids, err := collect(t, value[int64], c.texts[i], args[:n]...)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				touched[ledger.DeliveryID(id)] = true
			}
		}
	}
	return touched, nil
}
