package sqlite

import (
	"posthouse/cutover"
	"posthouse/ledger"
)

type tallyKey struct {
	folder      ledger.FolderID
	disposition cutover.Disposition
}

// repairedTally is a counter beside those of the dispositions: repaired is a mark on copied.
const repairedTally cutover.Disposition = "repaired"

type tallyMove struct {
	items int
	bytes int64
}

// tallyMoves sums what one change does to the counters, so that a batch of hundreds of items costs two small statements.
type tallyMoves map[tallyKey]tallyMove

func (m tallyMoves) add(f ledger.FolderID, d cutover.Disposition, repaired bool, items int, bytes int64) {
	m.move(tallyKey{f, d}, items, bytes)
	if repaired {
		m.move(tallyKey{f, repairedTally}, items, bytes)
	}
}

func (m tallyMoves) move(k tallyKey, items int, bytes int64) {
	sum := m[k]
	m[k] = tallyMove{sum.items + items, sum.bytes + bytes}
}

func (m tallyMoves) write(t *tx) error {
	for k, sum := range m {
		if sum == (tallyMove{}) {
			continue
		}
		_, err := t.exec(`INSERT INTO tallies (folder, disposition, items, bytes) VALUES (?, ?, ?, ?)
			ON CONFLICT (folder, disposition) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes`,
			int64(k.folder), string(k.disposition), sum.items, sum.bytes)
		if err != nil {
			return err
		}
	}
	return nil
}
