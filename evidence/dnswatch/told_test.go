package dnswatch

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// Servers that answer and do not tell the MX record leave it as it was, for whoever asks how old that is; it is an alarm.
func TestMXIsNotTold(t *testing.T) {
	w := newWorld(t)
	w.load(1, newMX)
	if h := w.look(); !h.MX.Told.Equal(start) {
		t.Fatalf("%+v", h.MX)
	}
	w.tells(Unanswered, false)
	dumb := w.snapshot
	dumb.At, dumb.Views = start.Add(25*time.Hour), slices.Clone(dumb.Views)
	for i := range dumb.Views {
		dumb.Views[i].Answers = maps.Clone(dumb.Views[i].Answers)
		dumb.Views[i].Answers[mx] = Answer{Err: "SERVFAIL"}
	}
	h := Next(w.history, dumb, who)
	if !h.Looked.Equal(dumb.At) || !h.MX.Told.Equal(start) || !h.MX.LeadTo(Cloud) {
		t.Errorf("looked %s, %+v", h.Looked, h.MX)
	}
	w.history, w.snapshot, w.now = h, dumb, dumb.At
	w.tells(Unanswered, true, "no server tells the MX of example.com", "SERVFAIL")
	if never := Next(History{}, dumb, who); !never.MX.Told.IsZero() || never.MX.Known {
		t.Errorf("%+v", never.MX)
	}
}
