package cli

import (
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
)

// What was refused as spam is counted, and what waits for a person says what would help.
func TestRefusalsOnTheStatus(t *testing.T) {
	s := control.NewStatus()
	s.At = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	s.Queue.Held, s.Queue.Quiet = 1, 3
	s.Queue.Waiting = []control.Waiting{{Capture: "01J", State: "held", To: "anna@example.com", Why: "cloud:smtp declined it: 550 no", Class: "no-mailbox", Remedy: "add the address there"}}
	var text strings.Builder
	for _, l := range statusView(s, rate{}, time.UTC, 0) {
		for _, part := range l {
			text.WriteString(part.text)
		}
		text.WriteString("\n")
	}
	for _, want := range []string{"held 1, 3 refused as spam or virus", "no-mailbox: cloud:smtp declined it: 550 no → add the address there"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
}
