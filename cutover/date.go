package cutover

import (
	"net/mail"
	"strings"
	"time"
)

// zones are the named time zones that RFC 5322 §4.3 gives a meaning; every other name counts as -0000.
var zones = map[string]string{
	"EDT": "-0400", "EST": "-0500", "CDT": "-0500", "CST": "-0600",
	"MDT": "-0600", "MST": "-0700", "PDT": "-0700", "PST": "-0800",
}

// usualDate is how nearly all programs write the Date; net/mail tries it after a dozen others.
const usualDate = "Mon, 2 Jan 2006 15:04:05 -0700"

// instant is the Date as UTC seconds, or the raw text squeezed where it does not parse; "" where the field is absent.
func instant(raw string) string {
	if t, err := time.Parse(usualDate, withoutZoneName(raw)); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	if t, err := mail.ParseDate(numericZone(raw)); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	return squeeze(raw)
}

// withoutZoneName cuts off a comment such as (CET), with which many programs end the Date. What is not as simple is left to net/mail.
func withoutZoneName(date string) string {
	plain, comment, found := strings.Cut(date, " (")
	if name, ends := strings.CutSuffix(comment, ")"); found && ends && isName(name) {
		return plain
	}
	return date
}

// numericZone writes the zone after the time of day as digits and squeezes the rest: package time would look a name up in the zone of the machine, and an identity is the
// same on every machine.
func numericZone(date string) string {
	words := strings.Fields(date)
	for i, word := range words[:max(0, len(words)-1)] {
		if zone := words[i+1]; strings.Contains(word, ":") && isName(zone) {
			words[i+1] = "-0000"
			if digits, ok := zones[strings.ToUpper(zone)]; ok {
				words[i+1] = digits
			}
			break
		}
	}
	return strings.Join(words, " ")
}

func isName(zone string) bool {
	return !strings.ContainsFunc(zone, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
}
