package evidence

import (
	"fmt"
	"strings"
	"time"
)

// reasonsShown is how many reasons a person reads.
const reasonsShown = 5

var remedies = map[Channel]string{
	Arriving: "ask the sender to look up the MX again",
	Sending:  "change the SMTP host in the device or program",
	Login:    "set the mail program to the new server",
}

// Sentence says a verdict in plain lines: the first is the verdict, the others are one reason each. Times are shown in now's location.
func Sentence(v Verdict, now time.Time) string {
	lines := []string{headline(v, now)}
	for i, r := range v.Reasons {
		if i == reasonsShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(v.Reasons)-i))
			break
		}
		lines = append(lines, line(r, now))
	}
	return strings.Join(lines, "\n")
}

func headline(v Verdict, now time.Time) string {
	switch v.State {
	case Ready:
		text := fmt.Sprintf("READY: %s; quiet for %s", v.About, Length(v.Quiet))
		if !v.LastUse.IsZero() {
			text += ", last use " + v.LastUse.In(now.Location()).Format("Mon 2 Jan 15:04")
		}
		return text
	case Blind:
		return fmt.Sprintf("BLIND: nobody can say whether %s; %d of %d sources fresh", v.About, v.Fresh, v.Sources)
	}
	text := "NOT YET: " + v.About
	if v.Earliest.After(v.At) {
		text += " " + v.Earliest.In(now.Location()).Format("Mon 2 Jan 15:04") + " at the earliest, if nothing more arrives"
	} else {
		text += " as soon as the open work is done"
	}
	return text
}

func line(r Reason, now time.Time) string {
	text := r.Text
	switch {
	case r.Since.IsZero() || r.Code == Short:
	case r.Code == Used:
		text += ", " + ago(r.Since, now)
	case r.Code == Likely:
		text += ", last seen " + r.Since.In(now.Location()).Format("Mon 2 Jan 15:04")
	default:
		text += ", since " + r.Since.In(now.Location()).Format("Mon 2 Jan 15:04")
	}
	return text
}

// describe says what a sender did. Its client is shown where the sender's name does not say it.
func describe(u Use, code Code) string {
	who := u.Sender
	var also []string
	if u.Detail != "" {
		also = append(also, u.Detail)
	}
	if u.Client.IsValid() && u.Client.Unmap().String() != u.Sender {
		also = append(also, u.Client.Unmap().String())
	}
	if len(also) > 0 {
		who += " (" + strings.Join(also, ", ") + ")"
	}
	switch {
	case code == Session:
		return who + " is logged in on the old server"
	case u.Channel == Login:
		return who + " logged in on the old server"
	case u.Channel == Sending:
		return who + " sent by the old address"
	}
	return who + " delivered to the old address"
}

func ago(t, now time.Time) string {
	if d := now.Sub(t); d >= time.Minute {
		return Length(d) + " ago"
	}
	return "just now"
}

// Length writes a duration for people, in its two largest units: 3 d 4 h, 14 min, 20 s. It rounds down.
func Length(d time.Duration) string {
	const hour = time.Hour
	switch {
	case d >= day:
		return two(int(d/day), "d", int(d%day/hour), "h")
	case d >= hour:
		return two(int(d/hour), "h", int(d%hour/time.Minute), "min")
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", max(0, d)/time.Second)
}

func two(large int, unit string, small int, smaller string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", large, unit)
	}
	return fmt.Sprintf("%d %s %d %s", large, unit, small, smaller)
}
