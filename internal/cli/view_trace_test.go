package cli

import (
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
)

// A label as wide as its column does not run into the text.
func TestStepLineDividesLabelAndText(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 14, 0, 0, time.UTC)
	for label, want := range map[string]string{"seen": "seen      by root", "sent again": "sent again by root", "tried again": "tried again by root"} {
		var b strings.Builder
		for _, s := range stepLine(at, at, label, "by root") {
			b.WriteString(s.text)
		}
		if !strings.HasSuffix(b.String(), "  "+want) {
			t.Errorf("%q", b.String())
		}
	}
}

// What was dropped stays so when it is sent again; who was told then is not told now.
func TestSentAgainSaysNothingOfTheDrop(t *testing.T) {
	for act, want := range map[string]string{"dropped by root": "by root; its copy is dropped/1.eml; its sender is told", "sent again by root: 1 as 2": "by root: 1 as 2"} {
		s := control.Step{Act: act, State: "dropped", Reason: "dropped by root; its copy is dropped/1.eml; its sender is told"}
		if _, text := told(s, naming{}, time.Time{}); text != want {
			t.Errorf("%s: %q", act, text)
		}
	}
}
