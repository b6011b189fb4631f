package bridge

import (
	"context"
	"fmt"
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
	if err := v.lookAgain(ctx, missing); err != nil {
		return err
	}
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
	for _, what := range []string{ConflictNote, DiffersNote, RemovedNote, SilentNote, StaysNote, staleNote, unreadNote} {
		if strings.Contains(row.Note, what) {
			v.report.Noted = append(v.report.Noted, Finding{Folder: folder, Ref: row.Legacy.Ref, MessageID: row.Identity.MessageID, Why: row.Note})
			return
		}
	}
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
