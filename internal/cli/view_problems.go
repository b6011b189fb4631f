package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// rowsShown is how many lines of one kind stand on the status; --json has all.
const rowsShown = 10

// problemsView names everything that somebody should look at, one line each, the kind in the left column.
func problemsView(s control.Status, now time.Time) []line {
	v := naming{domains: s.Domains}
	var trouble [][]string
	for _, text := range s.Trouble {
		trouble = append(trouble, []string{text})
	}
	lines := append(section("trouble", bad, trouble), refusedView(s.Config.Refused, now)...)
	lines = append(lines, v.mailboxes(s.Mailboxes, now)...)
	held, waiting := sorted(s.Queue.Waiting)
	q := s.Queue
	lines = append(lines, v.deliveries("held", held, q.Held, now)...)
	lines = append(lines, v.deliveries("unseen", q.Unseen, q.NotSeen, now)...)
	lines = append(lines, v.deliveries("waiting", waiting, q.Due+q.Sending+q.InDoubt, now)...)
	lines = append(lines, v.unknown(s.Unknown, now)...)
	lines = append(lines, v.asked(s.Asked, now)...)
	return append(lines, v.sources(s.Sources, now)...)
}

// refusedView says that the service runs by another configuration than the one that lies there.
func refusedView(r control.Refused, now time.Time) []line {
	if r.At.IsZero() {
		return nil
	}
	text := fmt.Sprintf("configuration of %s refused: %s (posthouse config validate), the first: %s", moment(r.At, now), counted(r.Errors, "error", "errors"), r.First)
	return section("config", bad, [][]string{{text}})
}

// naming shortens addresses of the only domain: anna@.
type naming struct{ domains []string }

func (v naming) short(address string) string {
	if len(v.domains) == 1 {
		if local, ok := strings.CutSuffix(address, "@"+v.domains[0]); ok {
			return local + "@"
		}
	}
	return address
}

// section is a block of lines under one label, with its columns aligned, and the number of those left out.
func section(label string, st style, rows [][]string) []line {
	return sectionOf(label, st, rows, len(rows))
}

// sectionOf is a section whose rows are the oldest of a total.
func sectionOf(label string, st style, rows [][]string, total int) []line {
	given := len(rows)
	rows = rows[:min(given, rowsShown)]
	var lines []line
	for _, text := range aligned(rows) {
		lines = append(lines, line{{st, "  " + pad(label, labelWidth) + " "}, {plain, text}})
	}
	if more := total - len(rows); more > 0 && len(rows) > 0 {
		text := fmt.Sprintf("and %s more: posthouse status --json", count(more))
		if given < total {
			text += fmt.Sprintf(" has the oldest %s", count(given))
		}
		lines = append(lines, labelled("", span{dim, text}))
	}
	return lines
}

// widest column that is aligned; longer texts push the rest of their line.
const widest = 40

// aligned puts the cells of each row in columns, three spaces apart; the last column is not padded.
func aligned(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], min(columns(cell), widest))
		}
	}
	texts := make([]string, len(rows))
	for i, row := range rows {
		var b strings.Builder
		for j, cell := range row {
			switch {
			case widths[j] == 0:
				continue
			case j == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(pad(cell, widths[j]) + "   ")
			}
		}
		texts[i] = b.String()
	}
	return texts
}

func (v naming) mailboxes(all []control.Mailbox, now time.Time) []line {
	var rows [][]string
	for _, m := range all {
		if m.Error != "" {
			rows = append(rows, []string{v.short(m.Address), firstOf(m.Error) + nextTry(m, now)})
		}
		if objectsNeedAttention(m) {
			rows = append(rows, []string{v.short(m.Address), objectsTrouble(m.Objects, now)})
		}
	}
	return append(section(stateProblem, bad, rows), v.waits(all, now)...)
}

// waits are the mailboxes that a server asked to wait.
func (v naming) waits(all []control.Mailbox, now time.Time) []line {
	var rows [][]string
	for _, m := range all {
		if m.Wait != "" {
			rows = append(rows, []string{v.short(m.Address), waitText(m, now)})
		}
		if o := m.Objects; o != nil && o.Wait != "" {
			rows = append(rows, []string{v.short(m.Address), "calendars: " + objectsWait(o, now)})
		}
	}
	return section(stateWaiting, warn, rows)
}

// nextTry is empty where the error says it itself, as that of a refused login does.
func nextTry(m control.Mailbox, now time.Time) string {
	if m.Next.IsZero() || strings.Contains(m.Error, ", next try ") {
		return ""
	}
	return ", next try " + clockTime(m.Next, now)
}

// sorted parts what waits for a person, oldest first, from what waits for its next attempt, in the order of the attempts.
func sorted(all []control.Waiting) (held, waiting []control.Waiting) {
	for _, w := range all {
		if w.State == string(ledger.Held) {
			held = append(held, w)
		} else {
			waiting = append(waiting, w)
		}
	}
	slices.SortStableFunc(held, func(a, b control.Waiting) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(waiting, func(a, b control.Waiting) int { return cmp.Or(a.Next.Compare(b.Next), a.At.Compare(b.At)) })
	return held, waiting
}

func (v naming) deliveries(label string, all []control.Waiting, total int, now time.Time) []line {
	var rows [][]string
	for _, w := range all {
		rows = append(rows, []string{
			w.Capture, evidence.Length(now.Sub(w.At)), size(w.Size), v.short(sender(w.From)) + " → " + v.short(w.To), v.why(w, now),
		})
	}
	return sectionOf(label, deliveryStyle(label), rows, total)
}

// sender is a reverse path as people read it: <> is the null sender of notifications, RFC 5321 §4.5.5.
func sender(from string) string {
	if from == "" {
		return "<>"
	}
	return from
}

func deliveryStyle(label string) style {
	if label == "waiting" {
		return dim
	}
	return warn
}

func (v naming) why(w control.Waiting, now time.Time) string {
	why := w.Why
	if w.State == string(ledger.Held) && w.Remedy != "" {
		why = w.Class + ": " + why + " → " + w.Remedy
	}
	if w.Notice != "" {
		why = join(", ", why, "a notice to its sender is ready (--json)")
	}
	if w.State == string(ledger.InDoubt) {
		why = join(", ", "in doubt: the destination is asked first", why)
	}
	if !w.SentAgain.IsZero() {
		why = join(", ", why, "sent again "+clockTime(w.SentAgain, now)+" if it is not there")
	}
	if w.Attempts > 0 && w.State != string(ledger.Held) {
		why = join(", ", why, counted(w.Attempts, "attempt", "attempts"))
	}
	if !w.Next.IsZero() && w.State != string(ledger.Held) {
		why = join(", ", why, "next "+clockTime(w.Next, now))
	}
	return why
}

func (v naming) unknown(all []control.Unknown, now time.Time) []line {
	var rows [][]string
	for _, u := range all {
		rows = append(rows, []string{v.short(u.Address), counted(u.Count, "message", "messages") + ", last " + ago(u.Last, now)})
	}
	return section("unknown", warn, rows)
}

func (v naming) sources(all []control.Source, now time.Time) []line {
	var rows [][]string
	for _, s := range all {
		if s.Fresh && s.Blind == "" {
			continue
		}
		read := "never read"
		if !s.LastRead.IsZero() {
			read = "last read " + ago(s.LastRead, now)
		}
		required := ""
		if !s.Required {
			required = "not required"
		}
		rows = append(rows, []string{join(" ", s.Name, parens(s.Kind)), join(", ", s.Blind, read, required)})
	}
	return section("blind", odd, rows)
}

func parens(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}
