package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/evidence/canary"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// What a bridge settles as use is in the testimony at once, and the same after a restart; test mail of our own is no use in either.
func TestGrowthIsRecordedWithItsItems(t *testing.T) {
	d := newWitness(t)
	var ours string
	d.canary = flown(t, d.ledger, &ours)
	pair, err := d.ledger.Pair(t.Context(), ledger.FolderPair{Mailbox: "anna@example.com", Kind: cutover.Mail, Legacy: cutover.FolderPath{"INBOX"}})
	if err != nil {
		t.Fatal(err)
	}
	var rows []ledger.Item
	for i, message := range []string{"<a@x.example>", ours} {
		rows = append(rows, ledger.Item{
			Folder: pair.ID, Legacy: ledger.Place{Validity: "1", Ref: cutover.Ref([]string{"1", "2"}[i])}, Disposition: cutover.Skipped,
			News: &evidence.Observation{At: noon, Channel: evidence.Arriving, Class: evidence.Wanted, Source: bridge.GrowthSource, Mailbox: "anna@example.com", Message: message},
		})
	}
	if _, err := (growing{d.ledger, d.witness, d.canary.Is}).Settle(t.Context(), pair.ID, rows, nil); err != nil {
		t.Fatal(err)
	}
	var kept []evidence.Observation
	if err := d.ledger.Observations(t.Context(), time.Time{}, func(o evidence.Observation) bool { kept = append(kept, o); return true }); err != nil {
		t.Fatal(err)
	}
	if wanted := slices.DeleteFunc(slices.Clone(kept), func(o evidence.Observation) bool { return o.Class != evidence.Wanted }); len(kept) != 2 || len(wanted) != 1 || wanted[0].Message != "<a@x.example>" {
		t.Errorf("the ledger holds %+v", kept)
	}
	now, later := d.witness.Snapshot().Uses(), evidence.Fold(evidence.Testimony{}, kept...).Uses()
	if len(now) == 0 || len(now) != len(later) {
		t.Errorf("uses %+v, after a restart %+v", now, later)
	}
	for i := range now {
		if now[i].Source != later[i].Source || !now[i].LastUse.Equal(later[i].LastUse) {
			t.Errorf("use %+v, after a restart %+v", now[i], later[i])
		}
	}
}

// flown is a canary that has sent a test mail, and the mail's Message-ID.
func flown(t *testing.T, facts ledger.Facts, message *string) *canary.Canary {
	t.Helper()
	c, err := canary.Open(t.Context(), canary.Config{Every: time.Hour, Facts: facts, Clock: clock.Real(), Send: func(_ context.Context, text string) error {
		_, text, _ = strings.Cut(text, "Message-ID: ")
		*message, _, _ = strings.Cut(text, "\r\n")
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Fly(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}
