package cutover

import (
	"net/mail"
	"testing"
	"time"
)

// The short way to read a Date leads where the long one does.
func TestUsualDate(t *testing.T) {
	for _, date := range []string{
		"Mon, 2 Nov 2026 10:00:00 +0100", "Mon, 02 Nov 2026 10:00:00 -0000", "Sun, 2 Nov 2026 10:00:00 +0100", "Mon,  2 Nov  2026 10:00:00 +0100",
		"Mon, 2 Nov 2026 10:00:00.5 +0100", "mon, 2 nov 2026 1:00:00 -1130", "Mon,2 Nov 2026 10:00:00 +0100", "Mon, 30 Feb 2026 10:00:00 +0100",
		"Mon, 2 Nov 2026 10:00:00 +2500", "Mon, 2 Nov 2026 10:00:00 +0100 (CET)", "Mon, 2 Nov 26 10:00:00 +0100", "Mon, 2 Nov 2026 10:00 EST",
		"Mon, 2 Nov 2026 10:00:00 +0000 (UTC)", "Mon, 2 Nov 2026 10:00:00 +0000 ()", "Mon, 2 Nov 2026 10:00:00 +0000 (a(b))", "Mon, 2 Nov 2026 10:00:00 +0000 (UTC) ",
		"Mon, 2 Nov 2026 10:00:00 +0000 (UTC", "Mon, 2 Nov 2026 10:00:00 +0000 (Central European Time)", "Mon, 2 Nov 2026 10:00:00 (UTC)", "Mon, 2 Nov (UTC)",
	} {
		short, err := time.Parse(usualDate, withoutZoneName(date))
		long, longErr := mail.ParseDate(numericZone(date))
		if err == nil && (longErr != nil || !short.Equal(long)) {
			t.Errorf("%s: %v the short way, %v (%v) the long one", date, short, long, longErr)
		}
	}
}
