package cli

import (
	"cmp"
	"strings"

	"posthouse/internal/control"
)

// planView is one mailbox's plan: the mailbox, and a line for each of its folders.
func planView(p control.Planned, v naming) []line {
	name := v.short(p.Mailbox)
	if p.Error != "" {
		return []line{{{bad, "✗ "}, {strong, name}, {plain, "   could not be read: " + firstOf(p.Error)}}}
	}
	var s planSum
	s.add(p)
	mark := span{good, "✓ "}
	switch {
	case s.unread > 0:
		mark = span{bad, "✗ "}
	case s.clashing+s.renamed > 0:
		mark = span{warn, "! "}
	}
	return append([]line{{mark, {strong, name}, {plain, "   " + s.text()}}}, plannedLines(p.Folders)...)
}

// plannedLines have the mark of what somebody should look at in front.
func plannedLines(all []control.PlannedFolder) []line {
	rows := make([][]string, len(all))
	for i, f := range all {
		rows[i] = plannedRow(f)
	}
	var lines []line
	for i, text := range aligned(rows) {
		mark := span{plain, "    "}
		switch f := all[i]; {
		case f.Error != "":
			mark = span{bad, "  ✗ "}
		case f.Renamed || len(f.Clash) > 0:
			mark = span{warn, "  ! "}
		}
		lines = append(lines, line{mark, {plain, text}})
	}
	return lines
}

func plannedRow(f control.PlannedFolder) []string {
	switch {
	case f.Skipped != "":
		return []string{f.Folder, "", "skipped", f.Skipped}
	case f.Error != "":
		return []string{f.Folder, "", "", f.Error}
	}
	state, renamed, clash := "there", "", ""
	switch {
	case f.New:
		state = "new"
	case f.There > 0:
		state = "holds " + count(f.There)
	}
	if f.Renamed {
		renamed = "under another name"
	}
	if len(f.Clash) > 0 {
		clash = "together with " + strings.Join(f.Clash, ", ")
	}
	return []string{f.Folder, count(f.Items), "→ " + f.To, join(", ", state, renamed, clash)}
}

// planSumView is the end of the result.
func planSumView(s planSum) []line {
	lines := []line{{{plain, join("   ", counted(s.mailboxes, "mailbox", "mailboxes"), s.text())}}}
	if s.failed > 0 {
		lines = append(lines, line{{bad, "✗ "}, {plain, counted(s.failed, "mailbox", "mailboxes") + " could not be read"}})
	}
	return append(lines, line{{dim, "nothing was changed; posthouse backfill copies"}})
}

func (s planSum) text() string {
	return join("   ", s.items()+" in "+counted(s.folders-s.skipped, "folder", "folders"),
		join(", ", some(s.made, "to be made"), some(s.skipped, "skipped"), some(s.renamed, "under another name"), some(s.clashing, "share a folder"), some(s.unread, "could not be looked at")))
}

// items are told by kind; a mailbox with nothing in it has no messages.
func (s planSum) items() string {
	return cmp.Or(join(", ", counted0(s.messages, "message", "messages"), objectsText(s.events, s.contacts)), counted(0, "message", "messages"))
}
