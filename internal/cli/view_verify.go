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
		return []line{{{bad, "✗ "}, {strong, name}, {plain, "   could not be read: " + firstOf(r.Error)}}}
	}
	if len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) == 0 {
		return objectFindings(r, v)
	}
	mark := span{bad, "✗ "}
	if len(r.Missing)+len(r.Extra)+len(r.Altered) == 0 {
		mark = span{warn, "! "}
	}
	lines := []line{{mark, {strong, name}, {plain, "   " + join(", ",
		some(len(r.Missing), "missing"), some(len(r.Extra), "extra"), some(len(r.Altered), "altered"), some(len(r.Removed), "removed in the cloud"), some(r.Equal+r.Events+r.Contacts, "equal"), some(r.Captured, "captured"), some(r.Moved, "moved"), some(r.Merged, "merged by the cloud"), some(r.Skipped, "skipped by rule"))}}}
	return slices.Concat(lines, findingLines(r), objectFindings(r, v))
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return count(n) + " " + what
}

func findingLines(r control.Verified) []line {
	var rows [][]string
	var labels []string
	for _, kind := range []struct {
		label string
		found []control.Finding
	}{{"missing", r.Missing}, {"extra", r.Extra}, {"altered", r.Altered}, {"removed", r.Removed}} {
		for _, f := range kind.found {
			id := f.MessageID
			if id == "" {
				id = "(no Message-ID)"
			}
			rows, labels = append(rows, []string{f.Folder, f.Ref, id, f.Why}), append(labels, kind.label)
		}
	}
	var lines []line
	for i, text := range aligned(rows) {
		lines = append(lines, labelled(labels[i], span{plain, text}))
	}
	return lines
}

// verifySumView is the end of the result.
func verifySumView(s verifySum) []line {
	mark := span{good, "✓ "}
	if s.Differ+s.Failed > 0 {
		mark = span{bad, "✗ "}
	}
	lines := []line{{mark, {plain, fmt.Sprintf("%s equal   %s on both sides", counted(s.Equal, "mailbox", "mailboxes"), counted(s.Items, "item", "items")) + among(s) +
		alsoSome(s.Captured, "captured") + alsoSome(s.Moved, "moved") + alsoSome(s.Merged, "merged by the cloud") + alsoSome(s.Skipped, "skipped by rule") + alsoSome(s.Bodies, "bodies compared")}}}
	if s.LeftOut > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.LeftOut, "keyword", "keywords") + " on messages left out, as the cloud does not take them; posthouse mailboxes MAILBOX names them"}})
	}
	if s.Lost > 0 {
		lines = append(lines, line{{plain, lostSum(s)}})
	}
	if s.Differ > 0 {
		lines = append(lines, line{{plain, fmt.Sprintf("  %s: %s", counted(s.Differ, "mailbox differs", "mailboxes differ"), join(", ", some(s.Missing, "missing"), some(s.Extra, "extra"), some(s.Altered, "altered"), some(s.Removed, "removed in the cloud")))}})
	}
	if s.Failed > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Failed, "mailbox", "mailboxes") + " could not be read"}})
	}
	if s.Gone > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Gone, "mailbox is", "mailboxes are") + " no longer in the configuration and not verified; systemctl restart posthouse forgets them"}})
	}
	return lines
}

// lostSum says how many items the cloud's server lost a part of. Those that were not read are not among them, and whoever counts on the number has to know.
func lostSum(s verifySum) string {
	text := "  the cloud's server lost a part of " + counted(s.Lost, "event or contact", "events and contacts") + ", or changed it, when it wrote them anew"
	if !s.full {
		text += "; only a few were read: posthouse verify --full reads all"
	}
	return text + " (docs/operations.md, Calendars and address books)"
}

// among tells what the items are, where they are not all messages.
func among(s verifySum) string {
	if s.Events+s.Contacts == 0 {
		return ""
	}
	return " (" + join(", ", counted0(s.Items-s.Events-s.Contacts, "message", "messages"), objectsText(s.Events, s.Contacts)) + ")" + alsoSome(s.Edited, "changed in the cloud since")
}

func alsoSome(n int, what string) string {
	if n == 0 {
		return ""
	}
	return "   " + some(n, what)
}
