package sqlite

import "slices"

// gathered are rows that a group's changes insert, kept back so that many go in one statement. They are written before anything else is asked or written, so no change can tell.
type gathered struct {
	tables [tables][]any
}

// The tables, by their places in order.
const (
	ofCaptures = iota
	ofBodies
	ofDeliveries
	ofObservations
	tables
)

// order is the one in which tables refer to one another.
var order = [tables]*batch{&insertCaptures, &insertBodies, &insertDeliveries, &insertObservations}

// add keeps rows back, and reports whether they are for a table whose rows are gathered.
func (g *gathered) add(into *batch, args []any) bool {
	i := slices.Index(order[:], into)
	if i >= 0 {
		g.tables[i] = append(g.tables[i], args...)
	}
	return i >= 0
}

// write inserts them all, and forgets them.
func (g *gathered) write(t *tx) error {
	err := g.insert(t)
	g.drop()
	return err
}

// insert writes them all, in the order in which tables refer to one another.
func (g *gathered) insert(t *tx) error {
	for i, table := range order {
		if args := g.tables[i]; len(args) > 0 {
			if err := table.insert(t, args); err != nil {
				return err
			}
		}
	}
	return nil
}

// marks are how many values there are of each table.
func (g *gathered) marks() (at [tables]int) {
	for i := range g.tables {
		at[i] = len(g.tables[i])
	}
	return at
}

// cut forgets what came after the marks.
func (g *gathered) cut(at [tables]int) {
	for i := range g.tables {
		clear(g.tables[i][at[i]:]) // bodies among them
		g.tables[i] = g.tables[i][:at[i]]
	}
}

// drop forgets them all.
func (g *gathered) drop() { g.cut([tables]int{}) }
