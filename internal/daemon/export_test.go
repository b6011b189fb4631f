package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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
	same := func(what string) { // what is delivered and verified goes on between two looks
		t.Helper()
		b.until("equal verdicts, "+what, func(s control.Status) bool {
			text := new(bytes.Buffer)
			e, err := b.daemon.Export(t.Context())
			must(t, err)
			must(t, json.NewEncoder(text).Encode(e))
			var read evidence.Export
			must(t, json.NewDecoder(text).Decode(&read))
			for i, v := range []evidence.Verdict{s.Server, s.Address} {
				if again := read.Verdicts()[i]; again.State != v.State || !again.LastUse.Equal(v.LastUse) || !slices.Equal(reasonsOf(again), reasonsOf(v)) {
					return false
				}
			}
			return true
		})
	}
	same("at first")
	used := slices.IndexFunc(all[1].Reasons, func(r evidence.Reason) bool { return r.Code == evidence.Used })
	must(t, b.daemon.AcceptSenders(t.Context(), "test", all[1].Reasons[used].Senders, false, func(control.Accepted) error { return nil }))
	same("when the sender is accepted")
	if s := b.status(); !s.Address.LastUse.IsZero() {
		t.Errorf("accepted by the name that the verdict gives him, he counts: %+v", s.Address)
	}
	b.stop()
	b.start()
	b.until("it to be known again", func(s control.Status) bool { return s.Arriving.Week > 0 })
	same("after a restart")
}

// reasonsOf are the reasons without what changes from moment to moment.
func reasonsOf(v evidence.Verdict) (all []string) {
	for _, r := range v.Reasons {
		all = append(all, fmt.Sprint(r.Code, r.Senders, r.Sources))
	}
	return all
}
