package bridge

import (
	"io"
	"strings"
	"time"

	"posthouse/bridge/object"
	"posthouse/bridge/repair"
)

// SilentNote ends the note of a meeting that may still take place, and of which the cloud was told to notify nobody: who changes it there, or answers, must tell the others himself.
const SilentNote = "later changes in the cloud notify nobody"

// consequence is what follows from a repair, for the item's note.
func (w *worker) consequence(made repair.Repair, original Content) string {
	if made&repair.Silent == 0 {
		return ""
	}
	r, err := original.Open()
	if err != nil {
		return ""
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil || !mayStillBe(raw, w.b.cfg.Clock.Now()) {
		return ""
	}
	return "; " + SilentNote
}

// mayStillBe reports whether an event begins today or later, or comes again until then, or for longer than can be told without counting.
func mayStillBe(raw []byte, now time.Time) bool {
	today, zone := now.Format("20060102"), false
	for _, l := range object.Lines(raw) {
		if l.Is("BEGIN", "VTIMEZONE") || l.Is("END", "VTIMEZONE") {
			zone = l.Name() == "BEGIN"
		}
		if zone {
			continue // its rules are about summer time
		}
		value := strings.TrimSpace(l.Value())
		switch l.Name() {
		case "DTSTART", "DTEND", "RECURRENCE-ID", "RDATE":
			if value > today {
				return true
			}
		case "RRULE":
			_, until, ends := strings.Cut(strings.ToUpper(value), "UNTIL=")
			if !ends || until > today {
				return true
			}
		}
	}
	return false
}
