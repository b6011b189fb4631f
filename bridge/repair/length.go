package repair

import (
	"strings"
	"time"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

const aSecond = "DURATION:PT1S"

// withLength makes events last at least a second. Without an end they have no length (RFC 5545 §3.6.1), unless they are of whole days.
func withLength(kind cutover.FolderKind, raw []byte) []byte {
	if kind != cutover.Calendar {
		return raw
	}
	var out []object.Line
	var nothing, instead string // the line that gives the event no length, and what stands for it
	lines := object.Lines(raw)
	for i, l := range lines {
		if nothing != "" && l.Text == nothing {
			l = object.NewLine(instead)
		}
		out = append(out, l)
		if l.Is("BEGIN", "VEVENT") {
			if nothing, instead = emptiness(ownLines(lines[i+1:])); nothing == "" && instead != "" {
				out = append(out, object.NewLine(instead))
			}
		}
	}
	return object.Join(out...)
}

// emptiness is the line that gives an event no length, empty if it is for the lack of one, and what is to stand there; nothing where it has a length.
func emptiness(own []object.Line) (line, instead string) {
	var start, end, duration object.Line
	for _, l := range own {
		switch l.Name() {
		case "DTSTART":
			start = l
		case "DTEND":
			end = l
		case "DURATION":
			duration = l
		}
	}
	const form = "20060102T150405"
	value := strings.TrimSpace(start.Value())
	at, err := time.Parse(form, strings.TrimSuffix(value, "Z"))
	switch {
	case err != nil: // whole days, or nothing that can be told
	case end.Text == "" && duration.Text == "":
		return "", aSecond
	case duration.Text != "" && !strings.ContainsAny(duration.Value(), "123456789"):
		return duration.Text, aSecond
	case strings.TrimPrefix(end.Text, "DTEND") == strings.TrimPrefix(start.Text, "DTSTART"):
		head := strings.TrimSuffix(end.Text, end.Value())
		return end.Text, head + at.Add(time.Second).Format(form) + strings.TrimPrefix(value, at.Format(form))
	}
	return "", ""
}
