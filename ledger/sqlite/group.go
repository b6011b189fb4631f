package sqlite

import "time"

// group is one transaction in the making.
type group struct {
	w        *writer
	open     bool             // there is a transaction
	quick    bool             // there is none: the members so far are in the journal
	members  []*change        // that succeeded so far
	urgent   bool             // somebody waits for the commit
	patience <-chan time.Time // ends the wait for somebody who does
	careful  bool             // each further member has a savepoint, and writes its own rows
	dead     error            // the transaction is lost with all its members
}

// add runs a change within the transaction. A change that fails is undone alone and answered at once. A savepoint for that costs a copy of every page that the change touches; so as long as all may
// be run again there is none, and when one fails the transaction begins anew, carefully.
func (g *group) add(c *change) {
	if c.quick && !g.open && (g.quick || len(g.members) == 0) && g.w.pending.take(c, g.w.ids) {
		g.quick, g.members = true, append(g.members, c)
		return
	}
	if g.quick { // what comes now sees them in the database
		g.commit()
		g.quick, g.members = false, nil
	}
	if err := g.begin(); err != nil {
		c.done <- err
		return
	}
	// While no change has succeeded the transaction itself is the savepoint: a change that comes alone pays for none.
	alone := len(g.members) == 0
	if !g.careful && !c.again {
		if g.write() != nil {
			g.anew(c)
			return
		}
		g.careful = true
	}
	saved := g.careful && !alone
	if saved {
		if err := g.w.exec("SAVEPOINT member"); err != nil {
			g.dead = err
			c.done <- err
			return
		}
	}
	t := &tx{st: g.w.st, ids: g.w.ids}
	if !g.careful {
		t.rows = &g.w.rows
	}
	err := protect(t, c.run)
	switch {
	case err == nil:
	case saved || alone:
		g.undo(alone)
		c.done <- err
		return
	default:
		g.anew(c)
		return
	}
	if saved {
		if err := g.w.exec("RELEASE member"); err != nil {
			g.dead = err
			c.done <- err
			return
		}
	}
	c.after = t.after
	g.members = append(g.members, c)
}

// write inserts the rows that were gathered.
func (g *group) write() error { return g.w.rows.write(&tx{st: g.w.st}) }

// anew runs all members again and those given, so that none but those that fail again is lost.
func (g *group) anew(more ...*change) {
	g.rollback()
	all := append(g.members, more...)
	g.members, g.careful = nil, true
	for _, c := range all {
		if g.dead != nil {
			c.done <- g.dead
			continue
		}
		g.add(c)
	}
}

func (g *group) begin() error {
	if g.open {
		return nil
	}
	err := g.tryBegin()
	if g.w.pending.giveWay(err) {
		err = g.tryBegin()
	}
	return err
}

func (g *group) tryBegin() error {
	if err := g.w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	g.open = true
	t := &tx{st: g.w.st, ids: g.w.ids}
	err := g.w.pending.write(t)
	if err == nil {
		err = protect(t, g.w.onGroup)
	}
	if err != nil {
		g.rollback()
	}
	return err
}

// undo takes back the change that failed. Where SQLite itself rolled everything back (it does on a full disk), the savepoint is gone and the members
// before it are lost too: they hear of it, and nothing of theirs is stored.
func (g *group) undo(alone bool) {
	if alone {
		g.rollback()
		return
	}
	err := g.w.exec("ROLLBACK TO member")
	if err == nil {
		err = g.w.exec("RELEASE member")
	}
	g.dead = err
}

func (g *group) rollback() {
	// It fails only where SQLite has rolled back already.
	_ = g.w.exec("ROLLBACK")
	g.w.rows.drop()
	g.open = false
}

// commit makes the members durable and answers them.
func (g *group) commit() {
	if g.quick {
		g.answer(inTheAct(g.w.pending.commit(), true))
		return
	}
	if g.dead == nil && g.open && g.write() != nil {
		g.anew()
	}
	err := g.dead
	if err == nil && g.open {
		if err = inTheAct(g.w.exec("COMMIT"), false); err != nil {
			g.w.pending.unwritten()
		}
	}
	if err != nil {
		g.rollback()
		g.w.pending.giveWay(err)
	} else if g.open {
		g.w.pending.written()
	}
	g.answer(err)
	if err == nil && g.open {
		g.w.afterGroup()
	}
}

// answer tells the members what came of their commit.
func (g *group) answer(err error) {
	for _, c := range g.members {
		if err == nil {
			for _, f := range c.after {
				f()
			}
		}
		c.done <- err
	}
}
