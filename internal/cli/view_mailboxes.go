package cli

import (
	"slices"
	"time"

	"posthouse/internal/control"
)

// mailboxesView is a line for each mailbox, those that need attention first, and below it, if wanted, one for each folder that is left out, and for each keyword.
func mailboxesView(s control.Status, p *speeds, zone *time.Location, skipped bool) []line {
	v, now := naming{domains: s.Domains}, s.At.In(zone)
	all := slices.Clone(s.Mailboxes)
	slices.SortStableFunc(all, func(a, b control.Mailbox) int { return pressing(a) - pressing(b) })
	width := v.width(all)
	var lines []line
	for _, m := range all {
		lines = append(lines, mailboxLine(m, v.short(m.Address), width, p.of(m.Address), now))
		lines = append(lines, objectsLines(m, width, now)...)
		if skipped {
			lines = append(lines, append(skippedLines(m.Skipped), leftOutLines(m.LeftOut)...)...)
			if m.Objects != nil {
				lines = append(lines, skippedLines(m.Objects.Skipped)...)
			}
		}
	}
	return lines
}

// pressing orders mailboxes by what somebody who looks wants to see first.
func pressing(m control.Mailbox) int {
	switch {
	case needsAttention(m), objectsNeedAttention(m):
		return 0
	case m.State == stateCopying:
		return 1
	case m.Wait != "":
		return 2
	case m.State == stateWaiting:
		return 3
	}
	return 4
}

func mailboxLine(m control.Mailbox, name string, width int, r rate, now time.Time) line {
	const follow = "follow"
	switch {
	case needsAttention(m):
		return problemLine(m, name, width, now)
	case m.State == stateCopying:
		return activeLine(m, name, width, r)
	case m.State == stateUnfollowed && m.Error == "": // what is followed stands below
		return labelled(follow, span{plain, pad(name, width) + "   calendars and address books alone: its old server has no imap"})
	case m.State == stateUnfollowed:
		return labelled(follow, span{plain, pad(name, width) + "   " + m.State + ": " + m.Error})
	case m.Wait != "":
		return waitLine(m, name, width, now)
	case m.State == stateWaiting:
		return labelled(stateWaiting, span{plain, pad(name, width) + "   for its turn"})
	}
	caught := ""
	if !m.Caught.IsZero() {
		caught = "up to date " + ago(m.Caught, now)
	}
	return barred(follow, m, name, width, caught, m.Folder)
}

func skippedLines(all []control.Skipped) []line {
	rows := make([][]string, len(all))
	for i, f := range all {
		rows[i] = []string{f.Folder, f.Why}
	}
	var lines []line
	for _, text := range aligned(rows) {
		lines = append(lines, labelled("skipped", span{dim, text}))
	}
	return lines
}

func leftOutLines(all []control.LeftOut) []line {
	rows := make([][]string, len(all))
	for i, l := range all {
		rows[i] = []string{l.Folder, l.Keyword, counted(l.Messages, "message", "messages") + ": the cloud does not take this keyword"}
	}
	var lines []line
	for _, text := range aligned(rows) {
		lines = append(lines, labelled("without", span{dim, text}))
	}
	return lines
}

// sumLine is all mailboxes in one bar.
func sumLine(s control.Status, p *speeds) line {
	c := newCopied(s, p.all.rate())
	messages, total := int64(c.Messages), int64(c.Total)
	return barLine("all", messages, total, c.share(messages, total), c.text())
}
