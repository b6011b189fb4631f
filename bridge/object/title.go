package object

import (
	"slices"
	"strings"
)

// Title is what a person calls an object, on one line: the FN of a contact, the SUMMARY of an event or task, where recurrences were changed that of the first that has one. A UID finds nothing in a
// calendar program. It is empty where the object has neither.
func Title(raw []byte) string {
	var open []string
	for _, l := range Lines(raw) {
		switch name := l.Name(); name {
		case "BEGIN":
			open = append(open, strings.ToUpper(strings.TrimSpace(l.Value())))
		case "END":
			open = open[:max(0, len(open)-1)]
		case "FN", "SUMMARY":
			title := strings.Join(strings.Fields(unescape(l.Value())), " ")
			if title != "" && !slices.Contains(open, "VALARM") { // an alarm's is the subject of a mail
				return title
			}
		}
	}
	return ""
}
