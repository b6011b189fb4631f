package imapstore_test

import (
	"slices"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// putOne puts one item and returns its outcome.
func putOne(t *testing.T, store bridge.Store, item bridge.PutItem) (told bridge.Outcome) {
	t.Helper()
	if err := store.Put(t.Context(), inbox, slices.Values([]bridge.PutItem{item}), func(o bridge.Outcome) { told = o }); err != nil {
		t.Fatal(err)
	}
	return told
}

// TestPutKeywordsRefused: a server that takes no further keyword gets the messages without them, and is not asked again about one that it refused; one that is refused in any case is refused.
func TestPutKeywordsRefused(t *testing.T) {
	store := imapstore.New(serve(t, "put-keywords"))
	defer store.Close()
	items := four()
	items[0].Flags, items[1].Flags = cutover.NewFlags("Old", "Work", `\Seen`), cutover.NewFlags("Work")
	told := map[int]bridge.Outcome{}
	err := store.Put(t.Context(), inbox, slices.Values(items[:2]), func(o bridge.Outcome) { told[o.ID] = o })
	if err != nil {
		t.Fatal(err)
	}
	for id, place := range map[int]string{1: "7/10", 2: "7/11"} {
		if o := told[id]; said(o) != place || !o.Left.Equal(cutover.NewFlags("Work")) {
			t.Errorf("item %d: %+v, want it at %s without Work", id, o, place)
		}
	}
	if keeps, err := store.Keeps(t.Context(), inbox, cutover.NewFlags("Old", "Work", "Other", `\Seen`)); err != nil || !keeps.Equal(cutover.NewFlags("Old", "Other", `\Seen`)) {
		t.Errorf("it keeps %v, %v", keeps, err)
	}
	items[2].Flags = cutover.NewFlags("Work")
	if o := putOne(t, store, items[2]); said(o) != "7/12" || !o.Left.Equal(cutover.NewFlags("Work")) {
		t.Errorf("the next item: %+v", o)
	}
	items[3].Flags = cutover.NewFlags("Other")
	if o := putOne(t, store, items[3]); said(o) != bridge.ErrRefused.Error() {
		t.Errorf("a refused item: %+v", o)
	}
	if keeps, _ := store.Keeps(t.Context(), inbox, cutover.NewFlags("Other")); len(keeps) == 0 {
		t.Error("its keyword is not tried again")
	}
}

// TestKeywordsDovecot: what Dovecot refuses a keyword for, its length, costs the keyword and not the message, neither when it is put nor when flags change.
func TestKeywordsDovecot(t *testing.T) {
	server := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "dovecot", Users: people(1)})
	box := onDovecot(server, user+"1", func(*imapstore.Options) {})
	store := box.Open(t)
	defer store.Close()
	long := "Keyword" + string(slices.Repeat([]byte("x"), 300))
	o := putOne(t, store, bridge.PutItem{ID: 1, Flags: cutover.NewFlags("Work", long, `\Seen`), Content: octets(numbered(1))})
	if o.Err != nil || !o.Left.Has(long) {
		t.Fatalf("the outcome is %+v", o)
	}
	set, err := store.SetFlags(t.Context(), inbox, map[cutover.Ref]cutover.Flags{o.Place.Ref: cutover.NewFlags("y"+long, `\Flagged`)})
	if err != nil || !set[o.Place.Ref].Equal(cutover.NewFlags(`\Flagged`)) {
		t.Errorf("flags that were set: %v, %v", set, err)
	}
}
