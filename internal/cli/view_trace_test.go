package cli

import (
	"strings"
	"testing"
	"time"
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
