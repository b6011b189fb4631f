package bridge

import (
	"context"
	"fmt"

	"posthouse/ledger"
)

// A copy that does not show up for the settle time may still come: a server that takes whole collections does one request after the other, and one of them lasts for minutes. Its row is forgotten by then, so that the item is put again.
// Until it is, the row is remembered: a copy that comes so late is ours, and not what lay in the cloud before us.

// late are such rows of events and contacts; messages are told by their dates.
type late map[ledger.Place]ledger.Item

// overdue remembers rows that are about to be forgotten.
func (p *pair) overdue(rows []ledger.Item) {
	if !p.Kind.Objects() {
		return
	}
	if p.late == nil {
		p.late = late{}
	}
	for _, row := range rows {
		row.ID = 0
		p.late[row.Legacy] = row
	}
}

// putAgain forgets rows whose items are in the ledger again.
func (p *pair) putAgain(rows []ledger.Item) {
	for _, row := range rows {
		delete(p.late, row.Legacy)
	}
}

// cameLate gives the ledger back the rows among the matches whose copies came late: errLookAgain, if there are any, since all of them are settled as what was put before anything else is looked at.
func (w *worker) cameLate(ctx context.Context, p *pair, matches []match) error {
	var rows []ledger.Item
	for _, m := range matches {
		if row, is := p.late[m.row.Legacy]; is {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := w.b.cfg.Ledger.Intend(ctx, rows); err != nil {
		return fmt.Errorf("recording what came late: %w", err)
	}
	p.putAgain(rows)
	p.index = nil
	return errLookAgain
}
