package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// pruneBatch is how many bodies one change removes: the writer serves others between.
const pruneBatch = 200

// settledBefore holds for captures without an open required delivery, all of them settled or dropped before the time given.
const settledBefore = `c.stored = 1 AND c.at < ?1 AND
	NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.capture = c.n AND d.required AND (d.state NOT IN ('settled', 'dropped') OR d.since >= ?1))`

// bodyPlace is where a stored body lies.
type bodyPlace struct {
	n, at int64
	file  string
}

func scanPlace(row scanner) (p bodyPlace, err error) { return p, row.Scan(&p.n, &p.at, &p.file) }

// Prune removes bodies in batches and gives their space back to the file system. When it fails, what it removed until then stays removed.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (int, error) {
	var pruned int
	var last bodyPlace
	for {
		places, err := find(ctx, l, func(q querier) ([]bodyPlace, error) {
			return collect(q, scanPlace, "SELECT c.n, c.at, c.file FROM captures c WHERE "+settledBefore+` AND (c.at, c.n) > (?2, ?3)
				ORDER BY c.at, c.n LIMIT ?4`, micros(before), last.at, last.n, pruneBatch)
		})
		if err != nil || len(places) == 0 {
			return pruned, wrap(err, "pruning bodies")
		}
		n, err := l.pruneSome(ctx, places, before)
		pruned += n
		if err != nil {
			return pruned, wrap(err, "pruning bodies")
		}
		last = places[len(places)-1]
	}
}

// pruneSome removes the given bodies, each only if its capture is still settled: a person may have released it again meanwhile.
func (l *Ledger) pruneSome(ctx context.Context, places []bodyPlace, before time.Time) (int, error) {
	var gone []bodyPlace
	err := l.change(ctx, func(t *tx) error {
		for _, p := range places {
			n, err := one(t, value[int], "SELECT count(*) FROM captures c WHERE "+settledBefore+" AND c.n = ?2", micros(before), p.n)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := p.remove(t); err != nil {
				return err
			}
			gone = append(gone, p)
		}
		_, err := t.exec("PRAGMA incremental_vacuum")
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, p := range gone {
		if p.file != "" {
			// One that stays is no longer named by a row, and the next start removes it.
			_ = os.Remove(filepath.Join(l.folder, bodiesFolder, p.file))
		}
	}
	return len(gone), nil
}

func (p bodyPlace) remove(t *tx) error {
	if _, err := t.exec("DELETE FROM bodies WHERE capture = ?", p.n); err != nil {
		return err
	}
	_, err := t.exec("UPDATE captures SET stored = 0, file = '' WHERE n = ?", p.n)
	return err
}
