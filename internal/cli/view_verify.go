package cli

import (
	"fmt"

	"posthouse/internal/control"
)

// verifiedView is one mailbox's result: nothing for one that is equal, else the mailbox and each item by name.
func verifiedView(r control.Verified, v naming) []line {
	name := v.short(r.Mailbox)
	if r.Error != "" {
		return []line{{{bad, "✗ "}, {strong, name}, {plain, "   could not be read: " + r.Error}}}
	}
	if len(r.Missing)+len(r.Extra) == 0 {
		return nil
	}
	lines := []line{{{bad, "✗ "}, {strong, name}, {plain, "   " + join(", ",
		some(len(r.Missing), "missing"), some(len(r.Extra), "extra"), some(r.Equal, "equal"), some(r.Moved, "moved"), some(r.Skipped, "skipped by rule"))}}}
	lines = append(lines, findingLines("missing", r.Missing)...)
	return append(lines, findingLines("extra", r.Extra)...)
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return count(n) + " " + what
}

func findingLines(label string, findings []control.Finding) []line {
	rows := make([][]string, len(findings))
	for i, f := range findings {
		id := f.MessageID
		if id == "" {
			id = "(no Message-ID)"
		}
		rows[i] = []string{f.Folder, f.Ref, id, f.Why}
	}
	var lines []line
	for _, text := range aligned(rows) {
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
		some3(s.Moved, "moved") + some3(s.Skipped, "skipped by rule")}}}
	if s.Differ > 0 {
		lines = append(lines, line{{plain, fmt.Sprintf("  %s: %s", counted(s.Differ, "mailbox differs", "mailboxes differ"), join(", ", some(s.Missing, "missing"), some(s.Extra, "extra")))}})
	}
	if s.Failed > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Failed, "mailbox", "mailboxes") + " could not be read"}})
	}
	return lines
}

func some3(n int, what string) string {
	if n == 0 {
		return ""
	}
	return "   " + some(n, what)
}
