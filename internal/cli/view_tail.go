package cli

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
)

// clientFilter chooses clients by address, network or a part of the name.
func clientFilter(asked string) (func(control.Event) bool, error) {
	if asked == "" {
		return func(control.Event) bool { return true }, nil
	}
	if strings.Contains(asked, "/") {
		network, err := netip.ParsePrefix(asked)
		if err != nil {
			return nil, &failure{code: exitUsage, what: fmt.Sprintf("--client %s: no network: %v", asked, err), next: "posthouse tail --help", err: err}
		}
		return func(e control.Event) bool {
			addr, err := netip.ParseAddr(e.Addr)
			return err == nil && network.Contains(addr)
		}, nil
	}
	return func(e control.Event) bool {
		return e.Addr == asked || strings.Contains(strings.ToLower(e.Client+" "+e.User), strings.ToLower(asked))
	}, nil
}

// eventView is the line of an event, and before it one for those that were missed. That a message was taken has none: what comes of it follows.
func eventView(e control.Event, v naming, zone *time.Location) []line {
	var lines []line
	if e.Missed > 0 {
		lines = append(lines, line{{warn, fmt.Sprintf("         %s more that this terminal was too slow for", count(e.Missed))}})
	}
	if e.What == control.MailTaken {
		return lines
	}
	route := e.Route
	if e.Source != "" {
		route = e.Source
	}
	l := line{{dim, e.At.In(zone).Format(time.TimeOnly) + " "}, {plain, pad(clean(route), 9)}}
	if name := who(e); name != "" && (len(e.To) == 0 || name != e.To[0]) { // what comes into a mailbox names its owner
		l = append(l, span{plain, " " + clean(name)})
	}
	if len(e.To) > 0 {
		l = append(l, span{plain, " → " + clean(listed(e.To, v))})
	}
	return append(lines, append(l, outcome(e)...))
}

// who is the client: the user, or its name and address.
func who(e control.Event) string {
	name := join(" ", e.User, e.Client)
	switch {
	case e.Addr == "":
		return name
	case name == "" || name == e.Addr || name == "["+e.Addr+"]":
		return e.Addr
	}
	return name + "[" + e.Addr + "]"
}

func listed(to []string, v naming) string {
	text := v.short(to[0])
	if len(to) > 1 {
		text += fmt.Sprintf(" and %d more", len(to)-1)
	}
	return text
}

// took has tenths of a second where they matter.
func took(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return evidence.Length(d)
}

// heldText is why something is held, and the last reply where that does not stand in it already.
func heldText(e control.Event) string {
	if strings.Contains(e.Detail, e.Reply) {
		return e.Detail
	}
	return join(": ", e.Detail, e.Reply)
}

func outcome(e control.Event) line {
	id := ""
	if e.Capture != "" {
		id = "   " + cutover.CaptureID(e.Capture).Short()
	}
	octets := ""
	if e.Size > 0 {
		octets = "   " + size(e.Size)
	}
	switch e.What {
	case control.MailDelivered:
		return line{{plain, octets + "   " + e.Destination + " "}, {good, "✓"}, {plain, " " + took(e.Took) + id}}
	case control.MailWaits:
		return line{{plain, octets + "   " + e.Destination + " "}, {warn, "waits"}, {plain, ": " + clean(e.Reply) + id}}
	case control.MailHeld:
		return line{{plain, octets + "   "}, {bad, "held"}, {plain, ": " + clean(firstOf(heldText(e))) + id}}
	case control.OldServerPut:
		return line{{plain, "   put there by the old server: " + clean(e.Detail) + messageText(e)}}
	case control.DNSChanged:
		return line{{plain, "   "}, {warn, clean(e.Detail)}}
	case control.RecipientRefused:
		return line{{plain, "   "}, {warn, "refused"}, {plain, ": " + clean(e.Reply)}}
	case control.ClientAbused:
		return line{{plain, "   "}, {warn, clean(e.Detail)}}
	}
	if e.Unwanted {
		return line{{plain, "   " + clean(e.Detail) + "   does not count as use" + messageText(e)}}
	}
	return line{{plain, "   " + clean(e.Detail) + "   "}, {warn, "still on the old server"}, {plain, messageText(e)}}
}

func messageText(e control.Event) string {
	if e.Message == "" {
		return ""
	}
	return "   " + clean(e.Message)
}
