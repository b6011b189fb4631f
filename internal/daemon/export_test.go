package daemon_test

import (
	"encoding/json"
	"testing"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// What is exported comes to the verdicts that the status shows, wherever it is judged.
func TestExportedEvidence(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n"})
	b.start()
	b.until("the copy", copied)
	b.send("late", "x@sender.example", "anna@example.com")
	b.until("the use", func(s control.Status) bool { return s.Address.LastUse.After(s.Since) })
	e, err := b.daemon.Export(t.Context())
	must(t, err)
	text, err := json.Marshal(e)
	must(t, err)
	var read evidence.Export
	must(t, json.Unmarshal(text, &read))
	all := read.Verdicts()
	if len(all) != 2 || all[0].About != "the mailbox server may stop" || all[1].State != evidence.NotYet || all[1].LastUse.IsZero() || len(all[1].Reasons) == 0 {
		t.Fatalf("%+v", all)
	}
	s := b.status()
	for i, v := range []evidence.Verdict{s.Server, s.Address} {
		if all[i].State != v.State || !all[i].LastUse.Equal(v.LastUse) || len(all[i].Reasons) < len(v.Reasons) {
			t.Errorf("judged anew: %+v\nthe status: %+v", all[i], v)
		}
	}
}
