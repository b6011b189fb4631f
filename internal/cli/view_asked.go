package cli

import (
	"strings"
	"time"

	"posthouse/internal/control"
)

// asked tells of each server that is asked about recipients whether it can tell anything, and what came of it.
func (v naming) asked(all []control.Asked, now time.Time) []line {
	var rows [][]string
	st := plain
	for _, a := range all {
		if len(a.Mute) > 0 || a.Down {
			st = warn
		}
		rows = append(rows, []string{join(" ", a.Server, parens(a.Side)), join("; ", canTell(a), outcomes(a), lastTrouble(a, now))})
	}
	return section("asked", st, rows)
}

func canTell(a control.Asked) string {
	knows, mute := "", ""
	if len(a.Knows) > 0 {
		knows = "tells who is unknown in " + strings.Join(a.Knows, ", ")
	}
	if len(a.Mute) > 0 {
		mute = "takes every address of " + strings.Join(a.Mute, ", ") + " and so knows nothing"
	}
	if knows+mute == "" {
		return "has told nothing yet"
	}
	return join("; ", knows, mute)
}

func outcomes(a control.Asked) string {
	if a.Questions+a.Limited == 0 {
		return ""
	}
	parts := []string{counted(a.Questions, "question", "questions"), count(a.Known) + " known", count(a.Unknown) + " unknown"}
	if a.Deferred > 0 {
		parts = append(parts, count(a.Deferred)+" not answered")
	}
	if a.Limited > 0 {
		parts = append(parts, count(a.Limited)+" too many")
	}
	return strings.Join(parts, ", ")
}

func lastTrouble(a control.Asked, now time.Time) string {
	if a.Trouble == "" {
		return ""
	}
	when := "last trouble " + ago(a.TroubleAt, now)
	if a.Down {
		when = "cannot be asked now"
	}
	return when + ": " + a.Trouble
}
