package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Events and contacts are known by their UID. Unlike messages they change, and have no flags: a batch tells which are new and which have another version, and what was written over there is followed
// (edits.go). The rest of the way is that of messages.

// workObjects disposes of every change in a batch. In order: what the ledger knows and has another version now; what is known under another reference; what shares its UID with another; what was moved
// here from another folder; what the cloud holds already; what is left to put.
func (s *stretch) workObjects(ctx context.Context, b Batch) error {
	w, p := s.w, s.p
	s.fresh = b.Fresh || w.status.following()
	known, err := s.known(ctx, b)
	if err != nil {
		return err
	}
	if err := w.displaced(ctx, p, b, known); err != nil {
		return err
	}
	changed := edited(b, known)
	w.witnessEdits(p, b, changed)
	if err := s.followEdits(ctx, changed); err != nil {
		return err
	}
	news := unknownObjects(p.ID, b, known)
	alike, err := w.alike(ctx, news)
	if err == nil {
		alike, err = s.outOfDoubt(ctx, alike, news)
	}
	if err != nil {
		return err
	}
	w.witness(p, b, alike, news)
	rows, news, err := s.reclaimed(ctx, alike, news)
	if err != nil {
		return err
	}
	clashing, news, err := s.clashing(ctx, alike, news)
	if err != nil {
		return err
	}
	rest, err := s.movedObjects(ctx, ofOthers(p.ID, alike), news)
	if err != nil {
		return err
	}
	adopted, rest, err := s.adopted(ctx, rest)
	if err != nil {
		return err
	}
	return s.carry(ctx, b, slices.Concat(rows, clashing, adopted), rest)
}

// unknownObjects is what the batch holds that has no row yet, or that was gone and is there again, or that was refused and is another one now. What could not be read has no identity: its turn tells why.
func unknownObjects(f ledger.FolderID, b Batch, known map[cutover.Ref]ledger.Item) []ledger.Item {
	var rows []ledger.Item
	for _, c := range b.Changes {
		row, have := known[c.Item.Ref]
		if c.Kind == Removed || have && !c.identified() {
			continue
		}
		again := row.Disposition == cutover.Gone || row.Disposition == cutover.Refused && row.Version != c.Item.Version
		if have && !again {
			continue
		}
		row.Folder, row.Legacy = f, ledger.Place{Validity: b.Validity, Ref: c.Item.Ref}
		row.Identity, row.Size, row.Version, row.Digest, row.Note = c.Item.Identity, c.Item.Size, c.Item.Version, cutover.Digest{}, ""
		row.Tail = noteWriting("", c.Item.Says)
		rows = append(rows, row)
	}
	return rows
}

// ofOthers are the rows of other folders.
func ofOthers(f ledger.FolderID, rows []ledger.Item) []ledger.Item {
	return slices.DeleteFunc(slices.Clone(rows), func(row ledger.Item) bool { return row.Folder == f })
}

// reclaimed gives rows of this folder whose items are gone from where they were to news with their UID: the server names them otherwise now. Whether they changed is found out by their version. A row whose reference was given
// to another item has no place at all, whatever the folder holds.
func (s *stretch) reclaimed(ctx context.Context, alike, news []ledger.Item) (rows, rest []ledger.Item, err error) {
	var own []ledger.Item
	for _, row := range alike {
		if row.Folder == s.p.ID && (isOurs(row) || isLost(row)) && !sameRef(news, row) {
			own = append(own, row)
		}
	}
	if len(own) == 0 {
		return nil, news, nil
	}
	now, err := s.w.homeless(ctx, s.p, own)
	if err != nil {
		return nil, nil, err
	}
	var ended []ledger.Item
	var edits []revision
	for _, n := range news {
		i := slices.IndexFunc(own, func(row ledger.Item) bool { return row.Identity.Match() == n.Identity.Match() && now[row.ID] })
		if i < 0 {
			rest = append(rest, n)
			continue
		}
		row, old := rehomed(own[i], n)
		ended = append(ended, old...)
		if isLost(row) {
			rows = append(rows, row)
		} else {
			was := row
			row.Version = n.Version
			edits = append(edits, revision{was: was, row: row})
		}
		own = slices.Delete(own, i, i+1)
	}
	if err := s.w.keepRows(ctx, s.p, ended); err != nil {
		return nil, nil, err
	}
	return rows, rest, s.followEdits(ctx, edits)
}

// isLost reports whether the row's item has a copy no more: somebody moved it, or removed it, in the cloud.
func isLost(row ledger.Item) bool {
	return row.Disposition.InCloud() && row.Disposition != cutover.Captured && row.Cloud.Ref == ""
}

// rehomed is the row of an item that news tells of under another reference. Where that has a row already, of what was there before, that one goes on with the copy. What is to be kept first is returned as well, in order.
func rehomed(was, now ledger.Item) (row ledger.Item, kept []ledger.Item) {
	if now.ID == 0 {
		was.Legacy = now.Legacy
		if !isLost(was) {
			was.Version = "" // what it says now is not known before it is read, and it may not be found then
		}
		return was, []ledger.Item{was}
	}
	m := move{&origin{row: was}, now}
	if row = m.begun(was.Cloud); isLost(was) {
		row = m.lost()
	}
	return row, []ledger.Item{m.ended(), row}
}

// homeless are those of the rows whose items are not where they were, also if other items are: these may be told of later.
func (w *worker) homeless(ctx context.Context, p *pair, rows []ledger.Item) (map[ledger.ItemID]bool, error) {
	now, err := w.objectPresences(ctx, p, rows)
	found := map[ledger.ItemID]bool{}
	for _, row := range rows {
		found[row.ID] = now[row.ID] == away || isSetAside(row)
	}
	return found, err
}

// objectPresences are the rows' presences; that of one is away where another item has its reference, of which nobody may have told yet.
func (w *worker) objectPresences(ctx context.Context, p *pair, rows []ledger.Item) (map[ledger.ItemID]presence, error) {
	now, err := w.presences(ctx, p, rows)
	if err != nil {
		return nil, err
	}
	asked := slices.DeleteFunc(slices.Clone(rows), func(row ledger.Item) bool { return now[row.ID] == away || isSetAside(row) })
	gone, err := w.surelyGone(ctx, p, asked)
	for _, row := range gone {
		now[row.ID] = away
	}
	return now, err
}

// movedObjects finds the news that were moved here from another folder. They may have been changed in the same step.
func (s *stretch) movedObjects(ctx context.Context, others, news []ledger.Item) (rest []ledger.Item, err error) {
	rest, err = s.moved(ctx, others, news)
	if err != nil || len(rest) == len(news) {
		return rest, err
	}
	var refs []cutover.Ref
	versions := map[cutover.Ref]string{}
	for _, n := range news {
		if !sameRef(rest, n) {
			refs = append(refs, n.Legacy.Ref)
			versions[n.Legacy.Ref] = n.Version
		}
	}
	rows, err := s.w.b.cfg.Ledger.Known(ctx, s.p.ID, news[0].Legacy.Validity, refs)
	if err != nil {
		return nil, err
	}
	var edits []revision
	for _, row := range rows {
		if isOurs(row) {
			now := row
			now.Version = versions[row.Legacy.Ref]
			edits = append(edits, revision{was: row, row: now})
		}
	}
	return rest, s.followEdits(ctx, edits)
}

func sameRef(rows []ledger.Item, row ledger.Item) bool {
	return slices.ContainsFunc(rows, func(other ledger.Item) bool { return other.Legacy == row.Legacy })
}

// clashing saves news that share their UID with another item of the folder: two of them cannot lie in one calendar (RFC 4791 §4.1), and neither is to replace the other.
func (s *stretch) clashing(ctx context.Context, alike, news []ledger.Item) (saved, rest []ledger.Item, err error) {
	taken := map[cutover.Key]bool{}
	for _, row := range alike {
		if row.Folder == s.p.ID && (row.Disposition.InCloud() || row.Disposition == cutover.Intended) && !sameRef(news, row) {
			taken[row.Identity.Match()] = true
		}
	}
	for _, row := range news {
		key := row.Identity.Match()
		if !taken[key] || row.Identity.Key.IsZero() {
			taken[key] = true
			rest = append(rest, row)
			continue
		}
		if row, err = s.w.saveClashing(ctx, s.p, row); err != nil {
			return nil, nil, err
		}
		saved = append(saved, row)
	}
	return saved, rest, nil
}

func (w *worker) saveClashing(ctx context.Context, p *pair, row ledger.Item) (ledger.Item, error) {
	name, err := w.save(ctx, p, row)
	if errors.Is(err, ErrGone) {
		row.Disposition, row.Note = cutover.Gone, "no longer there when its turn came"
		return row, nil
	} else if err != nil {
		return row, err
	}
	row.Disposition = cutover.Refused
	row.Note = fmt.Sprintf("another item of the folder has its UID %s%s%s", row.Identity.MessageID, refusedAs, name)
	return row, nil
}

// saysNow notes durably what an item says that was changed since its row was intended: what is put is what it says now.
func (w *worker) saysNow(ctx context.Context, p *pair, row ledger.Item, d cutover.Digester) (ledger.Item, error) {
	object, is := d.(*cutover.ObjectDigester)
	if !is || isWriting(row, object.Text()) {
		return row, nil
	}
	row.Tail = noteWriting(row.Tail, object.Text())
	return row, w.keepRows(ctx, p, []ledger.Item{row})
}

// adoptObjects finds the rows whose UID lies in the cloud folder, unclaimed. put: they were intended, and what was put may be changed at any time, so the copies are read now. A copy that says something else than its item is somebody's:
// its version is none that we know, and nothing is written over it.
func (w *worker) adoptObjects(ctx context.Context, p *pair, index *cloudIndex, rows []ledger.Item, put bool) (found []match, rest []ledger.Item, err error) {
	for _, row := range rows {
		may := index.matches(w.asPut(p.Kind, row), w.b.cfg.TraceKey)
		if len(may) == 0 {
			rest = append(rest, row)
			continue
		}
		index.take(may[0])
		found = append(found, match{row: row, twin: may[0]})
	}
	if len(found) == 0 {
		return nil, rest, nil
	}
	alters, err := w.cloudAltersText(ctx, p.Kind)
	if err != nil {
		return nil, nil, err
	}
	if put && !alters {
		if err := w.readCopies(ctx, p, found); err != nil {
			return nil, nil, err
		}
	}
	for i, m := range found {
		asMoved := moving(m.row) && m.twin.Version == m.row.CloudVersion
		asPut := alters && !moving(m.row) // just now; what is moved may have been changed at any time
		if isOwners(m.row) || !asMoved && !asPut && !isWriting(m.row, m.twin.Says) {
			found[i].twin.Version = ""
		}
	}
	return found, rest, nil
}

// isOwners reports whether the row's copy is known to say what its owner wrote.
func isOwners(row ledger.Item) bool {
	return strings.Contains(row.Note, ConflictNote) || strings.Contains(row.Note, DiffersNote)
}

// DiffersNote begins the note of an item of which another version lay in the cloud before.
const DiffersNote = "another version lay in the cloud before: the cloud's stands; the old server's is saved as "

// keepDiffering saves those of the adopted rows' items whose copies say something else.
func (w *worker) keepDiffering(ctx context.Context, p *pair, rows []ledger.Item) error {
	for i, row := range rows {
		if row.CloudVersion != "" {
			continue
		}
		found, err := prints(ctx, w.cloud, p.cloud, []cutover.Ref{row.Cloud.Ref})
		if err != nil {
			return err
		}
		if now, read := found[row.Cloud.Ref]; read && isWriting(row, now.text) { // it was found by its name, and not read
			rows[i].CloudVersion = now.version
			continue
		}
		name, err := w.save(ctx, p, row)
		if errors.Is(err, ErrGone) {
			continue // its next turn tells
		} else if err != nil {
			return err
		}
		rows[i].Note = DiffersNote + name
	}
	return nil
}

// readCopies notes what the copies say now. One that cannot be read says nothing, after it was tried for a while, as every item.
func (w *worker) readCopies(ctx context.Context, p *pair, found []match) error {
	refs := make([]cutover.Ref, len(found))
	for i, m := range found {
		refs[i] = m.twin.Ref
	}
	copies, err := prints(ctx, w.cloud, p.cloud, refs)
	if err != nil {
		return err
	}
	for i, m := range found {
		now, read := copies[m.twin.Ref]
		if !read && w.mayBeRead(m.row.Legacy) {
			return fmt.Errorf("the copy of %s cannot be read", m.row.Legacy.Ref)
		}
		delete(w.unread, m.row.Legacy)
		if found[i].twin.Says = now.text; read {
			found[i].twin.Version = now.version
		}
	}
	return nil
}
