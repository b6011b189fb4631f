package daemon

import (
	"testing"
	"time"
)

// An alarm is logged when it begins, each hour while it lasts, and at once when it begins again.
func TestBell(t *testing.T) {
	var b bell
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	late, unseen := alarm{kind: "late", count: 1}, alarm{kind: "unseen", count: 1}
	for i, step := range []struct {
		after time.Duration
		all   []alarm
		want  int
	}{
		{0, []alarm{late}, 1}, {time.Minute, []alarm{late}, 0}, {time.Minute, []alarm{late, unseen}, 1}, {58 * time.Minute, []alarm{late, unseen}, 1},
		{2 * time.Minute, []alarm{late, unseen}, 1}, {time.Minute, []alarm{unseen}, 0}, {time.Minute, []alarm{late, unseen}, 1}, {time.Minute, nil, 0},
	} {
		now = now.Add(step.after)
		if got := b.due(step.all, now); len(got) != step.want {
			t.Errorf("step %d: %d alarms, want %d", i, len(got), step.want)
		}
	}
}
