package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// gapsShown is how many gaps of one source stand there; --json has all.
const gapsShown = 3

// evidenceView is a table of the sources and, below it, what is wrong with them.
func evidenceView(e control.Evidence, now time.Time) []line {
	rows := [][]string{{"SOURCE", "WHAT", "WATCHED", "LAST LINE", "LINES 1 H / 24 H", "USES TODAY / 7 D", "UNPARSED"}}
	for _, w := range e.Sources {
		rows = append(rows, sourceRow(w, e.Window, now))
	}
	lines := append([]line{{{strong, "evidence"}, {plain, "   WATCHED is the share of the last " + period(e.Window)}}}, tableLines(rows)...)
	for _, w := range e.Sources {
		lines = append(lines, sourceTrouble(w, now)...)
	}
	lines = append(lines, canaryLines(e.Canary, now)...)
	lines = append(lines, pastLines(e.Past)...)
	return append(lines, localLines(e.Local, now)...)
}

func sourceRow(w control.Watched, window time.Duration, now time.Time) []string {
	mark := "✓ "
	if w.Blind != "" {
		mark = "✗ "
	}
	what := w.Kind
	if !w.Required {
		what += " (not required)"
	}
	watched, last, read, unparsed := "never", "-", "-", "-"
	if !w.Since.IsZero() {
		watched = fmt.Sprintf("%.1f %%", float64(int(1000*w.Share))/10) // never rounded up
		if lived := now.Sub(w.Since); lived < window {
			watched += " of " + partOf(lived, window) // it is younger than what the heading says
		}
	}
	if !w.LastLine.IsZero() {
		last = clockTime(w.LastLine, now)
	}
	if w.File != "" {
		read, unparsed = count(w.Hour)+" / "+count(w.Lines), fmt.Sprintf("%.1f %%", 100*w.Unparsed)
	}
	return []string{mark + w.Name, what, watched, last, read, count(w.Today) + " / " + count(w.Week), unparsed}
}

// sourceTrouble tells why a source is blind, when it was, and what it does not understand.
func sourceTrouble(w control.Watched, now time.Time) (lines []line) {
	if w.Blind != "" {
		lines = append(lines, labelled("blind", span{bad, w.Name}, span{plain, "   " + w.Blind}))
	}
	if n := len(w.Gaps); n > 0 {
		var all []string
		for _, g := range w.Gaps[max(0, n-gapsShown):] {
			all = append(all, fmt.Sprintf("%s to %s (%s)", clockTime(g.From, now), clockTime(g.To, now), evidence.Length(g.To.Sub(g.From))))
		}
		if more := n - gapsShown; more > 0 {
			all = append(all, fmt.Sprintf("and %s earlier", count(more)))
		}
		lines = append(lines, labelled("gaps", span{plain, w.Name + "   " + strings.Join(all, " · ")}))
	}
	if w.Unparsed > 0 && w.Example != "" {
		lines = append(lines, labelled("unparsed", span{plain, w.Name + "   " + w.Example}))
	}
	return lines
}

func canaryLines(c control.Canary, now time.Time) (lines []line) {
	for _, r := range c.Runs {
		st, text := good, "shows up in "+strings.Join(r.Seen, ", ")
		switch {
		case r.Error != "":
			st, text = warn, "could not be made: "+firstOf(r.Error)
		case len(r.Lost) > 0:
			st, text = bad, "does not show up in "+strings.Join(r.Lost, ", ")
		case len(r.Seen) == 0:
			st, text = plain, "has not shown up yet"
		}
		lines = append(lines, labelled("canary", span{plain, fmt.Sprintf("%s of %s ", r.Kind, clockTime(r.At, now))}, span{st, text}))
	}
	return lines
}

// pastLines tell what the sender book learns from the old mailboxes.
func pastLines(p control.Past) []line {
	if p.Mailboxes == 0 {
		return nil
	}
	text := fmt.Sprintf("%s of %s old mailboxes read: %s messages of %s senders", count(p.Read), count(p.Mailboxes), count(p.Messages), count(p.Systems))
	if !p.Counts {
		text += "; they count once all are read"
	}
	return []line{labelled("old mail", span{plain, text})}
}

// localLines tell what became of deliveries on the old side.
func localLines(r control.Reconciled, now time.Time) []line {
	if r.Open+r.Seen+r.Foreign+r.Accepted+r.Missing == 0 {
		return nil
	}
	lines := []line{labelled("old side", span{plain, fmt.Sprintf("%s delivered there and seen, %s not looked for yet, %s for mailboxes that do not move, %s accepted, %s missing",
		count(r.Seen), count(r.Open), count(r.Foreign), count(r.Accepted), count(r.Missing))})}
	if len(r.List) == 0 {
		return lines
	}
	rows := [][]string{{"NUMBER", "DELIVERED", "MAILBOX", "MESSAGE", "WHAT BECAME OF IT"}}
	for _, m := range r.List {
		rows = append(rows, []string{fmt.Sprint(m.Number), clockTime(m.At, now), m.Mailbox, m.Message, join("", m.Note, unknownEnd(m))})
	}
	lines = append(append(lines, line{}), tableLines(rows)...)
	return append(lines, line{{dim, "They lie on neither side now. Once their owners have them: posthouse evidence accept NUMBER|MAILBOX"}})
}

func unknownEnd(m control.Missing) string {
	if m.Note != "" {
		return ""
	}
	return "nobody knows"
}

func acceptedView(m control.Missing) []line {
	return []line{{{good, "✓ "}, {plain, join("   ", fmt.Sprint(m.Number), m.Mailbox, m.Message, m.Note)}}}
}

// evidenceNext is for what the service itself says of a name: the list knows more than the log.
func evidenceNext(err error) error {
	var f *failure
	if errors.As(err, &f) && f.code == exitFailed {
		f.next = "posthouse evidence"
	}
	return err
}
