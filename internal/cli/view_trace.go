package cli

import (
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// traceView is the story of the one message that was found, or a list of several.
func traceView(t control.Trace, v naming, now time.Time) []line {
	if len(t.Messages) == 0 {
		return saidView(t, v, now)
	}
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

// stored tells what was made durable.
func stored(m control.Timeline) string {
	sum := ""
	if m.SHA256 != "" {
		sum = " sha256 " + m.SHA256[:min(8, len(m.SHA256))] + "…"
	}
	return count(int(m.Size)) + " bytes" + sum + "; answered 250"
}

// timelineView has a line for each step, and one for each day but the first.
func timelineView(m control.Timeline, v naming, now time.Time) []line {
	lines := []line{
		{{strong, m.Capture}, {plain, "   " + join("   ", moment(m.At, now), v.short(sender(m.From))+" → "+recipients(m, v), m.MessageID)}},
		stepLine(m.At, now, "arrived", cameFrom(m)),
		stepLine(m.At, now, "stored", stored(m)),
	}
	if m.Checks != "" {
		unwanted := ""
		if m.Unwanted {
			unwanted = "does not count as use"
		}
		lines = append(lines, stepLine(m.At, now, "checks", join("; ", m.Checks, unwanted)))
	}
	last := m.At
	for _, s := range chapters(m, v, now) {
		if at := s.at.In(now.Location()); at.YearDay() != last.In(now.Location()).YearDay() || at.Year() != last.In(now.Location()).Year() {
			lines = append(lines, line{{dim, at.Format("Mon 2 Jan 2006")}})
		}
		last = s.at
		lines = append(lines, stepLine(s.at, now, s.label, s.text))
	}
	return append(lines, outcomeLines(m, v)...)
}

// chapter is one line of a story.
type chapter struct {
	at          time.Time
	label, text string
}

// chapters are the steps of the deliveries and what other sources said, by time.
func chapters(m control.Timeline, v naming, now time.Time) []chapter {
	var all []chapter
	for _, s := range m.Steps {
		label, text := told(s, v, now)
		if len(m.Deliveries) > 1 {
			text = v.short(s.To) + ": " + text
		}
		all = append(all, chapter{s.At, label, text})
	}
	all = append(all, saidChapters(m.Said, v)...)
	slices.SortStableFunc(all, func(a, b chapter) int { return a.at.Compare(b.at) })
	return all
}

// saidChapters are what logs and old mailboxes said.
func saidChapters(all []control.Said, v naming) (told []chapter) {
	for _, s := range all {
		who := s.Sender
		if s.Client != "" && s.Client != who {
			who += "[" + s.Client + "]"
		}
		text := join(" ", map[string]string{"arriving": "arrived from", "sending": "sent by"}[s.Channel], who)
		switch {
		case s.Channel == control.ChannelDelivered:
			text = join(", ", join(" ", "put into", v.short(s.Mailbox)+":", s.Detail), missingText(s.State))
		case s.Sender == s.Mailbox && s.Mailbox != "": // it appeared in the old mailbox
			text = join(" ", "appeared in", v.short(s.Mailbox)+":", s.Detail)
		}
		told = append(told, chapter{s.At, s.Source, text})
	}
	return told
}

func missingText(state string) string {
	if state == string(ledger.LocalMissing) {
		return "lies on neither side now"
	}
	return ""
}

// saidView tells of a message that no listener of ours took.
func saidView(t control.Trace, v naming, now time.Time) []line {
	lines := []line{{{strong, t.Asked}, {plain, "   no listener of ours took it; this is what else is known"}}}
	for _, c := range saidChapters(t.Said, v) {
		lines = append(lines, line{{dim, c.at.In(now.Location()).Format("2 Jan 15:04:05") + "  "}, {plain, pad(c.label, 10) + " " + c.text}})
	}
	return lines
}

func stepLine(at, now time.Time, label, text string) line {
	return line{{dim, at.In(now.Location()).Format("15:04:05.000") + "  "}, {plain, pad(label+" ", 10) + text}}
}

// told is a step in words: who did something, or which state was entered, and what was said.
func told(s control.Step, v naming, now time.Time) (label, text string) {
	server, _, _ := strings.Cut(s.Destination, ":")
	next := ""
	if !s.Next.IsZero() {
		next = "next " + s.Next.In(now.Location()).Format("15:04:05") // as the steps' own times
	}
	switch state := ledger.DeliveryState(s.State); {
	case s.Act != "":
		verb, who, _ := strings.Cut(s.Act, " by ")
		return verb, join("; ", "by "+who, actedText(verb, s, v))
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

func actedText(verb string, s control.Step, v naming) string {
	switch state := ledger.DeliveryState(s.State); {
	case state == ledger.Due:
		return "to " + v.short(s.To) + " by " + s.Destination
	case state == ledger.InDoubt:
		return "the mailbox is asked first"
	case state == ledger.Dropped && verb == "dropped": // it stays so when it is sent again
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
