package cli

import (
	"fmt"
	"slices"

	"posthouse/internal/control"
)

// verifiedView is one mailbox's result: nothing for one that is equal, else the mailbox and each item by name.
func verifiedView(r control.Verified, v naming) []line {
	name := v.short(r.Mailbox)
	if r.Error != "" {
		return []line{{{bad, "✗ "}, {strong, name}, {plain, "   could not be read: " + r.Error}}}
	}
	if len(r.Missing)+len(r.Extra)+len(r.Removed) == 0 {
		return nil
	}
	mark := span{bad, "✗ "}
	if len(r.Missing)+len(r.Extra) == 0 {
		mark = span{warn, "! "}
	}
	lines := []line{{mark, {strong, name}, {plain, "   " + join(", ",
		some(len(r.Missing), "missing"), some(len(r.Extra), "extra"), some(len(r.Removed), "removed in the cloud"), some(r.Equal, "equal"), some(r.Moved, "moved"), some(r.Skipped, "skipped by rule"))}}}
	return append(lines, findingLines(r)...)
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return count(n) + " " + what
}

func findingLines(r control.Verified) []line {
	var rows [][]string
	for _, f := range slices.Concat(r.Missing, r.Extra, r.Removed) {
		id := f.MessageID
		if id == "" {
			id = "(no Message-ID)"
		}
		rows = append(rows, []string{f.Folder, f.Ref, id, f.Why})
	}
	var lines []line
	for i, text := range aligned(rows) {
		label := "missing"
		switch {
		case i >= len(r.Missing)+len(r.Extra):
			label = "removed"
		case i >= len(r.Missing):
			label = "extra"
		}
		lines = append(lines, labelled(label, span{plain, text}))
	}
	return lines
}

// verifySumView is the end of the result.
func verifySumView(s verifySum) []line {
	mark := span{good, "✓ "}
	if s.Differ+s.Failed > 0 {
		mark = span{bad, "✗ "}
	}
	lines := []line{{mark, {plain, fmt.Sprintf("%s equal   %s on both sides", counted(s.Equal, "mailbox", "mailboxes"), counted(s.Items, "item", "items")) +
		alsoSome(s.Moved, "moved") + alsoSome(s.Skipped, "skipped by rule")}}}
	if s.Differ > 0 {
		lines = append(lines, line{{plain, fmt.Sprintf("  %s: %s", counted(s.Differ, "mailbox differs", "mailboxes differ"), join(", ", some(s.Missing, "missing"), some(s.Extra, "extra"), some(s.Removed, "removed in the cloud")))}})
	}
	if s.Failed > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Failed, "mailbox", "mailboxes") + " could not be read"}})
	}
	return lines
}

func alsoSome(n int, what string) string {
	if n == 0 {
		return ""
	}
	return "   " + some(n, what)
}
