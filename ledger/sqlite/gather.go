package sqlite

// gathered are rows that a group's changes insert, kept back so that many go in one statement. They are written before anything else is asked or written, so no change can tell.
type gathered struct {
	tables [4]struct {
		into *batch
		args []any
	}
}

// order is the one in which tables refer to one another.
var order = [...]*batch{&insertCaptures, &insertBodies, &insertDeliveries, &insertObservations}

// add keeps rows back, and reports whether they are for a table whose rows are gathered.
func (g *gathered) add(into *batch, args []any) bool {
	for i, table := range order {
		if table == into {
			g.tables[i].into, g.tables[i].args = into, append(g.tables[i].args, args...)
			return true
		}
	}
	return false
}

// write inserts them all.
func (g *gathered) write(t *tx) error {
	for i := range g.tables {
		table := &g.tables[i]
		if len(table.args) == 0 {
			continue
		}
		args := table.args
		table.args = args[:0]
		err := table.into.insert(t, args)
		clear(args) // bodies among them
		if err != nil {
			return err
		}
	}
	return nil
}

// drop forgets them.
func (g *gathered) drop() {
	for i := range g.tables {
		clear(g.tables[i].args)
		g.tables[i].args = g.tables[i].args[:0]
	}
}
