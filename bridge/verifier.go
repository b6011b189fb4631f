package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// verifier holds one mailbox's reading while it is compared.
type verifier struct {
	b       *Bridge
	w       *worker
	m       cutover.Mailbox
	bodies  int                 // how many to compare
	lacking map[string]*lacking // by legacy folder
	twins   []twin
	pairs   map[string]ledger.FolderPair // by legacy folder
	report  *Report
	cloud   []*copyItem
	byKey   map[cutover.Key][]*copyItem
	byLoose map[cutover.Key][]*copyItem
	places  map[string]map[ledger.Place]*copyItem // by cloud folder
	left    []leftRow
	astray  []astrayRow
	sharing []unplaced               // what the cloud merged with an equal item
	legacy  map[cutover.Key][]string // the Message-IDs of the legacy items that have the key
	// expected are the captures that legacy items joined, and with whom a copy was found.
	expected map[cutover.CaptureID]ledger.Expected
	joined   map[cutover.CaptureID]bool
}

// copyItem is one item in the cloud. It may stand for one legacy item only.
type copyItem struct {
	folder string
	in     cutover.Folder
	item   cutover.Item
	used   bool
	shared int  // the items on the legacy side whose copy it is
	put    bool // by the bridge, for a legacy item
}

// seen is how a delivery records this place.
func (c *copyItem) seen() string {
	return Sighting{Folder: c.in.Path, Place: ledger.Place{Ref: c.item.Ref}}.String()
}

// twin is a legacy item and its copy.
type twin struct {
	in   cutover.Folder
	item cutover.Item
	copy *copyItem
	// body is what the copy must have where it is not the item's own: repaired, or as it was captured.
	body cutover.Digest
}

func (v *verifier) run(ctx context.Context, legacy, cloud Store) error {
	v.byKey, v.byLoose = map[cutover.Key][]*copyItem{}, map[cutover.Key][]*copyItem{}
	v.expected, v.joined = map[cutover.CaptureID]ledger.Expected{}, map[cutover.CaptureID]bool{}
	v.places, v.legacy, v.lacking = map[string]map[ledger.Place]*copyItem{}, map[cutover.Key][]string{}, map[string]*lacking{}
	if err := v.readCloud(ctx, cloud); err != nil {
		return err
	}
	folders, err := legacy.Folders(ctx)
	if err != nil {
		return err
	}
	pairs, err := v.b.cfg.Ledger.Pairs(ctx, v.m.ID)
	if err != nil {
		return err
	}
	v.pairs = map[string]ledger.FolderPair{}
	for _, p := range pairs {
		v.pairs[p.Legacy.Key()] = p
	}
	var later []unplaced
	for _, f := range folders {
		if ok, _ := v.w.rules.folder(f); !ok {
			continue
		}
		rest, err := v.readLegacy(ctx, legacy, f, v.pairs[f.Path.Key()])
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		later = append(later, rest...)
	}
	if err := v.vanished(ctx, folders); err != nil {
		return err
	}
	v.gone()
	if err := v.expect(ctx, later); err != nil {
		return err
	}
	refused, others := partedRefused(later)
	missing := append(v.place(others), v.share()...)
	v.goneAstray()
	v.name(append(missing, v.place(refused)...)) // only what somebody put in by hand is there
	if err := v.surplus(ctx); err != nil {
		return err
	}
	if err := v.leftOut(ctx, cloud); err != nil {
		return err
	}
	return v.compareBodies(ctx, legacy, cloud)
}

// pair notes that a legacy item and a copy are the same.
func (v *verifier) pair(u unplaced, c *copyItem) {
	c.used = true
	c.shared++
	v.report.Equal++
	v.report.Kinds[u.in.Kind]++
	v.keywords(u, c)
	if v.edited(u, c) {
		return
	}
	t := twin{in: u.in, item: u.item, copy: c, body: u.repaired}
	if u.row.Capture != "" {
		v.joined[u.row.Capture] = true
	}
	if u.row.Disposition == cutover.Captured {
		t.body = v.expected[u.row.Capture].Digest
	}
	v.twins = append(v.twins, t)
}

// edited counts a copy that has another version than we wrote. Such a one is not compared, and neither is an item whose last change is still to follow.
func (v *verifier) edited(u unplaced, c *copyItem) bool {
	if !u.in.Kind.Objects() || !u.known {
		return false
	}
	if c.item.Version != u.row.CloudVersion {
		v.report.Edited++
		return true
	}
	return u.item.Version != u.row.Version
}

// note names an item of which somebody should know.
func (v *verifier) note(folder string, row ledger.Item) {
	for _, what := range []string{ConflictNote, RemovedNote, SilentNote, StaysNote, staleNote, unreadNote} {
		if strings.Contains(row.Note, what) {
			v.report.Noted = append(v.report.Noted, Finding{Folder: folder, Ref: row.Legacy.Ref, MessageID: row.Identity.MessageID, Why: row.Note})
			return
		}
	}
}

func (v *verifier) readCloud(ctx context.Context, cloud Store) error {
	folders, err := cloud.Folders(ctx)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if f.Foreign || f.NoSelect || f.Role.Virtual() {
			continue
		}
		state, err := cloud.State(ctx, f)
		if err != nil {
			return err
		}
		here := map[ledger.Place]*copyItem{}
		v.places[f.Path.Key()] = here
		for item, err := range cloud.Scan(ctx, f, "") {
			if err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
			c := &copyItem{folder: f.Path.String(), in: f, item: item}
			v.cloud = append(v.cloud, c)
			here[ledger.Place{Validity: state.Validity, Ref: item.Ref}] = c
			v.byKey[item.Identity.Match()] = append(v.byKey[item.Identity.Match()], c)
			for _, loose := range looseKeys(item.Identity) {
				v.byLoose[loose] = append(v.byLoose[loose], c)
			}
		}
	}
	return nil
}

// unplaced is a legacy item whose copy is not where the ledger says; it is looked for by identity once every item that is in its place has taken its copy.
type unplaced struct {
	in     cutover.Folder
	folder string
	item   cutover.Item
	row    ledger.Item
	known  bool
	home   string // key of the cloud folder where its copy was put
	// repaired is the digest of the item with its repairs, if the row tells of any.
	repaired cutover.Digest
}

// readLegacy matches a legacy folder's items with the copies that the ledger names.
func (v *verifier) readLegacy(ctx context.Context, legacy Store, f cutover.Folder, p ledger.FolderPair) ([]unplaced, error) {
	state, err := legacy.State(ctx, f)
	if err != nil {
		return nil, err
	}
	rows := map[ledger.Place]ledger.Item{}
	if p.ID != 0 {
		err := v.b.cfg.Ledger.All(ctx, p.ID, func(row ledger.Item) bool { rows[row.Legacy] = row; return true })
		if err != nil {
			return nil, err
		}
	}
	bin, binned, err := v.binned(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	var rest []unplaced
	var mended []unplaced
	for item, err := range legacy.Scan(ctx, f, "") {
		if err != nil {
			return nil, err
		}
		here := ledger.Place{Validity: state.Validity, Ref: item.Ref}
		row, known := rows[here]
		delete(rows, here)
		p := p
		if !known && item.Flags.Has(`\Deleted`) {
			row, known = binned[here]
			delete(binned, here)
			p = bin
		}
		wanted, _ := v.w.rules.item(item.Flags)
		if known && (row.Disposition == cutover.Skipped && !wanted || p.ID == bin.ID && row.Disposition == cutover.Gone) {
			v.report.Skipped++ // or another item has its copy
			continue
		}
		if known && item.Identity.Match().IsZero() {
			item.Identity = row.Identity // it cannot be read now, and could when it was copied
		}
		u := unplaced{in: f, folder: f.Path.String(), item: item, row: row, known: known, home: p.Cloud.Key()}
		v.holds(item)
		v.note(u.folder, u.row)
		switch {
		case known && (row.Repaired() || row.Disposition == cutover.Merged && repairsOf(row) != 0):
			mended = append(mended, u)
		default:
			rest = v.inPlaceOr(rest, u)
		}
	}
	if err := v.identify(ctx, legacy, f, mended); err != nil {
		return nil, err
	}
	for _, u := range mended {
		rest = v.inPlaceOr(rest, u)
	}
	v.leave(p, rows)
	v.leave(bin, binned)
	return rest, nil
}

// vanished notes the rows of folders that are no longer on the legacy side.
func (v *verifier) vanished(ctx context.Context, folders []cutover.Folder) error {
	listed := map[string]bool{}
	for _, f := range folders {
		listed[f.Path.Key()], listed[binPath(f.Path).Key()] = true, true
	}
	for path, p := range v.pairs {
		if listed[path] {
			continue
		}
		rows := map[ledger.Place]ledger.Item{}
		if err := v.b.cfg.Ledger.All(ctx, p.ID, func(row ledger.Item) bool { rows[row.Legacy] = row; return true }); err != nil {
			return err
		}
		v.leave(p, rows)
	}
	return nil
}

// leave notes rows whose items were not met.
func (v *verifier) leave(p ledger.FolderPair, rows map[ledger.Place]ledger.Item) {
	for _, row := range rows {
		if strings.Contains(row.Note, StaysNote) {
			v.note(p.Legacy.String(), row)
		}
		if c := v.places[p.Cloud.Key()][row.Cloud]; c != nil && row.Cloud.Ref != "" {
			v.left = append(v.left, leftRow{row, c})
		} else if row.Disposition.InCloud() && row.Cloud.Ref != "" {
			v.astray = append(v.astray, astrayRow{row, p.Cloud.Key()})
		}
	}
}

// holds notes that the legacy side holds an item of this identity.
func (v *verifier) holds(item cutover.Item) {
	v.legacy[item.Identity.Match()] = append(v.legacy[item.Identity.Match()], item.Identity.MessageID)
}

// inPlaceOr counts an item whose copy is where the ledger says, and sets one aside that shares its copy; any other is one of the rest.
func (v *verifier) inPlaceOr(rest []unplaced, u unplaced) []unplaced {
	switch {
	case u.known && u.row.Disposition == cutover.Merged:
		v.sharing = append(v.sharing, u)
	case !v.inPlace(u):
		rest = append(rest, u)
	}
	return rest
}

// inPlace counts an item whose copy is where the ledger says. What a capture brought is looked for with the captures.
func (v *verifier) inPlace(u unplaced) bool {
	c := v.places[u.home][u.row.Cloud]
	if !u.known || u.row.Cloud.Ref == "" || c == nil || c.used || isCaptured(u.row) || !same(u.item, c.item) {
		return false
	}
	c.put = true
	v.pair(u, c)
	return true
}

// identify gives repaired items the identity and the digest that their copies have: a repair of the header may change it.
func (v *verifier) identify(ctx context.Context, legacy Store, f cutover.Folder, mended []unplaced) error {
	rows := map[cutover.Ref]ledger.Item{}
	for _, u := range mended {
		rows[u.item.Ref] = u.row
	}
	found, err := repairedDigests(ctx, legacy, f, rows)
	if err != nil {
		return fmt.Errorf("reading what was repaired: %w", err)
	}
	for i, u := range mended {
		if d := found[u.item.Ref]; d != nil {
			mended[i].item.Identity, mended[i].repaired = d.identity, d.digest
			v.holds(mended[i].item)
		}
	}
	return nil
}

// leftRow is a row whose item was not met on the legacy side, and its copy.
type leftRow struct {
	row  ledger.Item
	copy *copyItem
}

// gone takes the copies of items that are no longer on the legacy side: they are rightly in the cloud. A row that was set aside speaks for nothing while the legacy still holds its
// identity: the ledger may be wrong, and this is the check on it.
func (v *verifier) gone() {
	for _, l := range v.left {
		if strings.Contains(l.row.Legacy.Validity, setAside) && len(v.legacy[l.row.Identity.Match()]) > 0 {
			continue
		}
		l.copy.used = true
	}
}

// astrayRow is such a row whose copy is not where the ledger says; home is the key of the cloud folder where it was put.
type astrayRow struct {
	row  ledger.Item
	home string
}

// goneAstray takes the copies of such items that lie in their folder under new references, and that no legacy item needs.
func (v *verifier) goneAstray() {
	for _, a := range v.astray {
		item := cutover.Item{Identity: a.row.Identity}
		i := slices.IndexFunc(v.cloud, func(c *copyItem) bool {
			return !c.used && c.in.Path.Key() == a.home && c.item.Date.Equal(a.row.Date) && same(item, c.item)
		})
		if i >= 0 {
			v.cloud[i].used = true
		}
	}
}

// place looks for copies by identity, and returns the items that have none. What a capture brought is looked for where the delivery was seen first; what is said to be in the cloud goes before what
// is not, and a copy with an equal date before another.
func (v *verifier) place(rest []unplaced) (missing []unplaced) {
	slices.SortStableFunc(rest, func(a, b unplaced) int { return b.claim() - a.claim() })
	for _, dated := range []bool{true, false} {
		missing = nil
		for _, u := range rest {
			c := v.copyOf(u, dated)
			if c == nil {
				missing = append(missing, u)
				continue
			}
			v.pair(u, c)
			if u.known && u.row.Cloud.Ref != "" && c.in.Path.Key() != u.home {
				v.report.Moved++
			}
		}
		rest = missing
	}
	return missing
}

// partedRefused are those that the cloud refused, and the others.
func partedRefused(all []unplaced) (refused, others []unplaced) {
	for _, u := range all {
		if u.known && isSaved(u.row) {
			refused = append(refused, u)
		} else {
			others = append(others, u)
		}
	}
	return refused, others
}

// claim is higher for what is more surely in the cloud.
func (u unplaced) claim() int {
	switch {
	case u.row.Capture != "":
		return 2
	case u.known && u.row.Disposition.InCloud():
		return 1
	}
	return 0
}

// copyOf is the copy of an item that is not where the ledger says; dated: one that has its date.
func (v *verifier) copyOf(u unplaced, dated bool) *copyItem {
	e, captured := v.expected[u.row.Capture]
	if captured {
		for _, c := range v.cloud {
			if !c.used && c.seen() == e.Seen && alike(e.Identity, c.item.Identity) {
				return c
			}
		}
	}
	if c := v.elsewhere(u.item, dated); c != nil || !captured {
		return c
	}
	return v.elsewhere(cutover.Item{Identity: e.Identity}, dated) // each server may have changed the header in its own way
}

// name tells what was removed from the cloud from what never got there. The old server's copy of what the cloud refused as spam or virus is missed by nobody.
func (v *verifier) name(missing []unplaced) {
	for _, u := range missing {
		if u.known && u.row.Disposition == cutover.Captured && v.expected[u.row.Capture].State == ledger.Quiet {
			v.report.Skipped++
			continue
		}
		f := Finding{Folder: u.folder, Ref: u.item.Ref, MessageID: u.item.Identity.MessageID, Why: why(u)}
		seen := v.expected[u.row.Capture].State == ledger.Settled
		if u.known && (u.row.Disposition == cutover.Copied || u.row.Disposition == cutover.Adopted || u.row.Disposition == cutover.Merged || u.row.Disposition == cutover.Captured && seen) {
			f.Why = "was " + string(u.row.Disposition) + ", seen in the cloud, and removed there since"
			v.report.Removed = append(v.report.Removed, f)
			continue
		}
		v.report.Missing = append(v.report.Missing, f)
	}
}

// expect reads which captures the items joined; of several deliveries to this mailbox the one that was seen, or else one that the cloud refused as spam or virus.
func (v *verifier) expect(ctx context.Context, items []unplaced) error {
	var ids []cutover.CaptureID
	for _, u := range items {
		if u.row.Capture != "" {
			ids = append(ids, u.row.Capture)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	expected, err := v.b.cfg.Ledger.Expected(ctx, v.m.ID, nil, ids)
	for _, e := range expected {
		was := v.expected[e.Capture].State
		if was != ledger.Settled && (was != ledger.Quiet || e.State == ledger.Settled) {
			v.expected[e.Capture] = e
		}
	}
	return err
}

// elsewhere is a copy of the item, wherever it lies; dated: one with equal date, as copies keep that.
func (v *verifier) elsewhere(item cutover.Item, dated bool) *copyItem {
	all := v.byKey[item.Identity.Match()]
	for _, loose := range looseKeys(item.Identity) {
		all = append(all[:len(all):len(all)], v.byLoose[loose]...)
	}
	i := slices.IndexFunc(all, func(c *copyItem) bool {
		return !c.used && same(item, c.item) && (!dated || c.item.Date.Equal(item.Date))
	})
	if i < 0 {
		return nil
	}
	return all[i]
}

func why(u unplaced) string {
	switch {
	case !u.known, u.row.Disposition == cutover.Skipped:
		return "not copied yet"
	case u.row.Disposition == cutover.Refused:
		return u.row.Note
	case u.row.Disposition == cutover.Captured:
		return "captured as " + u.row.Capture.Short() + " and not seen in the cloud"
	case u.row.Disposition == cutover.Intended:
		return "its copy is under way"
	}
	return "is said to be " + string(u.row.Disposition) + ", and was never seen in the cloud"
}

// surplus names what lies in the cloud more often than it should: a capture that is there twice, and unused copies of an identity that a legacy item has. A message that the listener took
// stands for itself: that the legacy holds another one like it is no surplus.
func (v *verifier) surplus(ctx context.Context) error {
	type captured struct {
		id  cutover.CaptureID
		key cutover.Key // programs that answer a message may keep its trace
	}
	times := map[captured]int{}
	var untraced []*copyItem
	for _, c := range v.cloud {
		id, ours := c.item.Identity.Trace.Verify(v.b.cfg.TraceKey)
		switch {
		case c.put:
		case ours:
			times[captured{id, c.item.Identity.Key}]++
			if times[captured{id, c.item.Identity.Key}] > 1 {
				v.extra(c, "was captured once as "+id.Short()+" and lies here again")
			}
		case !c.used && v.isOnLegacy(c.item.Identity):
			untraced = append(untraced, c)
		}
	}
	return v.untraced(ctx, untraced)
}

// untraced names copies that nothing accounts for. Where the cloud does not keep our trace some of them may be captures' own.
func (v *verifier) untraced(ctx context.Context, copies []*copyItem) error {
	if len(copies) == 0 {
		return nil
	}
	var keys []cutover.Key
	for _, c := range copies {
		keys = append(keys, c.item.Identity.Match())
	}
	expected, err := v.b.cfg.Ledger.Expected(ctx, v.m.ID, keys, nil)
	if err != nil {
		return err
	}
	own := map[cutover.Key]int{}
	for _, e := range expected {
		if mayLie(e) && !v.joined[e.Capture] {
			own[e.Identity.Match()]++
		}
	}
	for _, c := range copies {
		if key := c.item.Identity.Match(); own[key] > 0 {
			own[key]--
			continue
		}
		v.extra(c, "lies in the cloud more often than on the old server")
	}
	return nil
}

func (v *verifier) extra(c *copyItem, why string) {
	v.report.Extra = append(v.report.Extra, Finding{Folder: c.folder, Ref: c.item.Ref, MessageID: c.item.Identity.MessageID, Why: why})
}

// isOnLegacy reports whether a legacy item has the identity.
func (v *verifier) isOnLegacy(id cutover.Identity) bool {
	return slices.ContainsFunc(v.legacy[id.Match()], func(messageID string) bool { return !differ(messageID, id.MessageID) })
}

// differ reports whether two Message-IDs are there and not the same. Two messages without a Date, of one sender to one recipient with one subject, agree by the loose key, and are different
// all the same: a system writes such a message every night.
func differ(a, b string) bool {
	return a != "" && b != "" && cutover.SevenBit(a) != cutover.SevenBit(b)
}

// same compares identities: by key where both have one, else by loose key, if their Message-IDs do not speak against it.
func same(a, b cutover.Item) bool {
	return alike(a.Identity, b.Identity) || a.Identity.Match().IsZero() && b.Identity.Match().IsZero()
}
