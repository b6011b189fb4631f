package cli

import (
	"fmt"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// traceView is the story of the one message that was found, or a list of several.
func traceView(t control.Trace, v naming, now time.Time) []line {
	if len(t.Messages) == 1 {
		return timelineView(t.Messages[0], v, now)
	}
	rows := [][]string{{"ID", "CAPTURED", "SIZE", "FROM → TO", "STATE"}}
	for _, m := range t.Messages {
		rows = append(rows, []string{
			cutover.CaptureID(m.Capture).Short(), clockTime(m.At, now), size(m.Size), v.short(sender(m.From)) + " → " + recipients(m, v), stateOf(m),
		})
	}
	lines := tableLines(rows)
	if t.More {
		lines = append(lines, line{{dim, "and older ones"}})
	}
	return append(lines, line{{dim, "posthouse trace ID tells more of one"}})
}

// stateOf is a message in a word: how the delivery stands that is furthest from its end.
func stateOf(m control.Timeline) string {
	if m.Safe {
		return "✓ safe"
	}
	for _, q := range m.Deliveries {
		if w := q.Waiting; w.State != string(ledger.Settled) {
			return join(": ", w.State, w.Class)
		}
	}
	return "-"
}

// timelineView has a line for each step, and one for each day but the first.
func timelineView(m control.Timeline, v naming, now time.Time) []line {
	lines := []line{
		{{strong, m.Capture}, {plain, "   " + join("   ", moment(m.At, now), v.short(sender(m.From))+" → "+recipients(m, v), m.MessageID)}},
		stepLine(m.At, now, "arrived", cameFrom(m)),
		stepLine(m.At, now, "stored", fmt.Sprintf("%s bytes sha256 %s…; answered 250", count(int(m.Size)), m.SHA256[:min(8, len(m.SHA256))])),
	}
	if m.Checks != "" {
		unwanted := ""
		if m.Unwanted {
			unwanted = "does not count as use"
		}
		lines = append(lines, stepLine(m.At, now, "checks", join("; ", m.Checks, unwanted)))
	}
	last := m.At
	for _, s := range m.Steps {
		if at := s.At.In(now.Location()); at.YearDay() != last.In(now.Location()).YearDay() || at.Year() != last.In(now.Location()).Year() {
			lines = append(lines, line{{dim, at.Format("Mon 2 Jan 2006")}})
		}
		last = s.At
		label, text := told(s, v, now)
		if len(m.Deliveries) > 1 {
			text = v.short(s.To) + ": " + text
		}
		lines = append(lines, stepLine(s.At, now, label, text))
	}
	return append(lines, outcomeLines(m, v)...)
}

func stepLine(at, now time.Time, label, text string) line {
	return line{{dim, at.In(now.Location()).Format("15:04:05.000") + "  "}, {plain, pad(label, 10) + text}}
}

// told is a step in words: who did something, or which state was entered, and what was said.
func told(s control.Step, v naming, now time.Time) (label, text string) {
	server, _, _ := strings.Cut(s.Destination, ":")
	next := ""
	if !s.Next.IsZero() {
		next = "next " + clockTime(s.Next, now)
	}
	switch state := ledger.DeliveryState(s.State); {
	case s.Act != "":
		verb, who, _ := strings.Cut(s.Act, " by ")
		return verb, join("; ", "by "+who, actedText(s, v))
	case s.Rescued:
		return "rescued", join("; ", s.Class, s.Reply, s.Seen)
	case state == ledger.Settled && s.Seen != "":
		return "seen", join(" ", s.To, s.Seen)
	case state == ledger.Settled && s.Copy:
		return server, join(", ", s.Reply, "a copy for the old server")
	case state == ledger.Held, state == ledger.Quiet:
		return string(state), join(": ", s.Class, s.Reason)
	case state == ledger.InDoubt:
		return "in doubt", join("; ", s.Reply, s.Reason, "the mailbox is asked")
	case state == ledger.Due:
		return server, join("; ", s.Reply, s.Class, s.Reason, next)
	}
	return server, join("; ", s.Reply, s.Reason)
}

func actedText(s control.Step, v naming) string {
	switch ledger.DeliveryState(s.State) {
	case ledger.Due:
		return "to " + v.short(s.To) + " by " + s.Destination
	case ledger.InDoubt:
		return "the mailbox is asked first"
	case ledger.Dropped:
		_, copied, _ := strings.Cut(s.Reason, "; ")
		return copied
	}
	return ""
}

// outcomeLines say whether all is well, and else what to do.
func outcomeLines(m control.Timeline, v naming) []line {
	if m.Safe {
		return []line{{{good, "✓ safe"}}}
	}
	var lines []line
	for _, q := range m.Deliveries {
		w := q.Waiting
		switch {
		case w.State == string(ledger.Settled):
		case w.What != "":
			lines = append(lines, line{{warn, "◐ " + w.State}, {plain, "   " + join("   ", v.short(w.To), w.Class+": "+w.What)}}, labelled("remedy", span{plain, w.Remedy}))
		case w.State == string(ledger.Accepted):
			lines = append(lines, line{{warn, "◐ accepted"}, {plain, "   " + v.short(w.To) + "   not seen in the mailbox yet; it is looked for"}})
		default:
			lines = append(lines, line{{warn, "◐ " + w.State}, {plain, "   " + join("   ", v.short(w.To), w.Why)}})
		}
	}
	return lines
}
