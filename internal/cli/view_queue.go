package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// queueView is a table of deliveries and, below it, each reason with what to do.
func queueView(all []control.Queued, v naming, now time.Time) []line {
	if len(all) == 0 {
		return []line{{{dim, "nothing waits"}}}
	}
	ids := shortIDs(all)
	rows := [][]string{{"ID", "AGE", "SIZE", "FROM → TO", "WHY IT WAITS", "NEXT"}}
	for _, q := range all {
		w := q.Waiting
		rows = append(rows, []string{
			ids[w.Capture], evidence.Length(now.Sub(w.At)), size(w.Size), v.short(sender(w.From)) + " → " + v.short(w.To), whyQueued(q), nextOf(w, now),
		})
	}
	lines := tableLines(rows)
	if reasons := reasonLines(all); len(reasons) > 0 {
		lines = append(append(lines, line{}), reasons...)
	}
	return lines
}

// tableLines are rows in columns below their heads.
func tableLines(rows [][]string) []line {
	lines := make([]line, len(rows))
	for i, text := range aligned(rows) {
		st := plain
		if i == 0 {
			st = dim
		}
		lines[i] = line{{st, text}}
	}
	return lines
}

// shortIDs are the IDs as short as tells them apart here.
func shortIDs(all []control.Queued) map[string]string {
	short := map[string]string{}
	for _, q := range all {
		short[q.Waiting.Capture] = q.Waiting.Capture
	}
	for length := len(cutover.CaptureID(all[0].Waiting.Capture).Short()); ; length++ {
		taken, clash := map[string]string{}, false
		for id := range short {
			begins := id[:min(length, len(id))]
			other, have := taken[begins]
			clash = clash || have && other != id
			taken[begins], short[id] = id, begins
		}
		if !clash {
			return short
		}
	}
}

// whyQueued is the state and, where it is known, the reason by its name, with the beginning of the far end's words.
func whyQueued(q control.Queued) string {
	text := q.Waiting.State
	if q.Waiting.What != "" && text != string(ledger.InDoubt) {
		text += ": " + q.Waiting.Class
	}
	if q.Reply != "" {
		text += ", " + q.Reply
	}
	return fit(text, widest)
}

func nextOf(w control.Waiting, now time.Time) string {
	if w.Next.IsZero() || w.State != string(ledger.Due) && w.State != string(ledger.InDoubt) {
		return "-"
	}
	return dueTime(w.Next, now)
}

// reasonLines name each reason once, the most frequent first, with what to do about it.
func reasonLines(all []control.Queued) []line {
	var order []control.Queued
	counts := map[string]int{}
	for _, q := range all {
		if q.Waiting.What != "" && counts[q.Waiting.Class] == 0 {
			order = append(order, q)
		}
		counts[q.Waiting.Class]++
	}
	slices.SortStableFunc(order, func(a, b control.Queued) int { return counts[b.Waiting.Class] - counts[a.Waiting.Class] })
	var lines []line
	for _, q := range order {
		lines = append(lines,
			line{{strong, q.Waiting.Class}, {plain, fmt.Sprintf("   %s   %s", count(counts[q.Waiting.Class]), q.Waiting.What)}},
			line{{plain, "  " + q.Waiting.Remedy}})
	}
	return lines
}

// showView is a message and how each of its deliveries stands.
func showView(t control.Timeline, v naming, now time.Time) []line {
	sum := ""
	if t.SHA256 != "" {
		sum = "sha256 " + t.SHA256
	}
	lines := []line{
		{{strong, t.Capture}, {plain, "   " + join("   ", size(t.Size), moment(t.At, now), v.short(sender(t.From))+" → "+recipients(t, v))}},
		labelled("message", span{plain, join("   ", t.MessageID, sum)}),
		labelled("came", span{plain, cameFrom(t) + ", " + t.Route + " by " + t.Listener}),
	}
	if t.Checks != "" {
		lines = append(lines, labelled("checks", span{plain, t.Checks}))
	}
	if !t.Kept {
		lines = append(lines, labelled("kept", span{warn, "no more: its retention is over"}))
	}
	for _, q := range t.Deliveries {
		w := q.Waiting
		why := w.Why
		if w.State == string(ledger.Settled) && q.Reply != "" {
			why = q.Reply
		}
		lines = append(lines, labelled(w.State, span{plain, join("   ", v.short(w.To), w.Destination, why)}))
		if w.What != "" {
			lines = append(lines, labelled("reason", span{plain, w.Class + ": " + w.What}), labelled("remedy", span{plain, w.Remedy}))
		}
	}
	return lines
}

func recipients(t control.Timeline, v naming) string {
	names := make([]string, len(t.Recipients))
	for i, r := range t.Recipients {
		names[i] = v.short(r)
	}
	return strings.Join(names, ", ")
}

func cameFrom(t control.Timeline) string {
	return join(" ", fmt.Sprintf("%s[%s]", t.Name, t.Client), t.TLS)
}

// actedView is what came of a deed for one delivery.
func actedView(a control.Acted, v naming) []line {
	id := cutover.CaptureID(a.Capture).Short()
	if a.Error == "" {
		return []line{{{good, "✓ "}, {plain, join("   ", id, v.short(a.To), a.Destination, join(": ", a.State, a.Why))}}}
	}
	lines := []line{{{bad, "✗ "}, {plain, join("   ", id, v.short(a.To)) + " " + a.Error}}}
	if a.Next != "" {
		lines = append(lines, labelled("next", span{strong, a.Next}))
	}
	return lines
}
