package cli

import (
	"fmt"
	"strings"

	"posthouse/config"
	"posthouse/evidence"
	"posthouse/internal/demo"
)

// demoView is one thing that the demonstration tells, in lines. ready is the event of the verdict, once it was told.
func demoView(e, ready demo.Event) []line {
	switch e.Kind {
	case demo.Opened:
		return demoOpened(*e.Opened)
	case demo.Copying, demo.Copied:
		return []line{demoCopy(e)}
	case demo.Switched:
		return []line{demoLine(e, span{strong, "MX switched"})}
	case demo.Killed:
		return []line{demoCrash(e, *e.Crash)}
	case demo.Moved:
		return []line{demoLine(e, span{plain, "the last mailboxes moved"})}
	case demo.Day:
		return demoTraffic(e, "the last day: ")
	case demo.Passing:
		return demoTraffic(e, "so far: ")
	case demo.Late:
		return []line{demoLine(e, span{plain, "last late message: " + e.Sender})}
	case demo.Waiting:
		return []line{demoLine(e, demoVerdict(*e.Verdict)...)}
	case demo.Verified:
		return demoVerified(*e.Verify)
	case demo.Compared:
		return demoCompared(e, ready)
	case demo.Holding:
		return demoHolding(e)
	}
	return nil
}

// demoLine begins with the demonstration's day and time.
func demoLine(e demo.Event, spans ...span) line {
	return append(line{{dim, demoTime(e) + "  "}}, spans...)
}

func demoTime(e demo.Event) string {
	return pad(fmt.Sprintf("day %d %s", e.Day, e.At.UTC().Format("15:04")), 12)
}

func demoOpened(s demo.Servers) []line {
	return []line{
		{{dim, "Old server  "}, textf("imap %s  smtp %s", s.OldIMAP, portOf(s.OldSMTP)), {dim, "    New cloud  "}, textf("imap %s  smtp %s", portOf(s.NewIMAP), portOf(s.NewSMTP)),
			{dim, "    Listener  "}, {plain, portOf(s.Listener)}},
		{textf("%s, %s (%s), %s.  One second = %s hours.", counted(s.Mailboxes, "mailbox", "mailboxes"), counted(s.Messages, "message", "messages"), size(s.Octets),
			counted(s.Senders, "sender", "senders"), inWords(s.HoursASecond))},
	}
}

// portOf is an address without its host: all are on loopback.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':'):] }

func inWords(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six"}
	if n < len(words) {
		return words[n]
	}
	return count(n)
}

func demoCopy(e demo.Event) line {
	c := *e.Copy
	l := demoLine(e, textf("copying      %s %s/%s", bar(int64(c.Done), int64(c.Total), barWidth), count(c.Done), count(c.Total)))
	if e.Kind == demo.Copying {
		return l
	}
	return append(l, span{styleOf(c.Missing == 0), fmt.Sprintf("   %s missing", count(c.Missing))})
}

func styleOf(fine bool) style {
	if fine {
		return good
	}
	return bad
}

func demoCrash(e demo.Event, c demo.Crash) line {
	return demoLine(e, span{strong, "posthouse killed"}, textf(" with %s in hand… restarted in %.1f s, ", counted(c.InHand, "message", "messages"), c.Restarted),
		span{styleOf(c.Delivered == c.InHand), fmt.Sprintf("%d of %d delivered", c.Delivered, c.InHand)}, span{plain, ", "},
		span{styleOf(c.Twice == 0), fmt.Sprintf("%d twice", c.Twice)}, textf(" (%d had arrived before, their replies were lost)", c.Accepted))
}

// demoTraffic says nothing of days on which nobody used the old side.
func demoTraffic(e demo.Event, intro string) []line {
	t := *e.Traffic
	if t.Listener+t.Old+t.Sent+t.Logins == 0 {
		return nil
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{t.Listener, "by the listener"}, {t.Old, "into old mailboxes"}, {t.Sent, "sent on the old side"}, {t.New, "by the new MX"}, {t.Logins, "old logins"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n)+" "+p.what)
		}
	}
	return []line{demoLine(e, span{dim, intro + strings.Join(parts, ", ")})}
}

func demoVerdict(v demo.Verdict) []span {
	spans := []span{{warn, verdictWord(v)}, textf("  quiet for %d h of %d h", v.Quiet, v.Needed)}
	if len(v.Reasons) > 0 {
		spans = append(spans, span{dim, "  " + v.Reasons[0]})
	}
	return spans
}

func verdictWord(v demo.Verdict) string {
	switch {
	case v.Server == string(evidence.Blind) || v.Address == string(evidence.Blind):
		return "BLIND"
	case v.Server == string(evidence.Ready) && v.Address == string(evidence.Ready):
		return "READY"
	}
	return "NOT YET"
}

func demoVerified(v demo.Verify) []line {
	lines := []line{{{dim, pad("verify", 12) + "  "}, textf("%s, %s equal, ", counted(v.Mailboxes, "mailbox", "mailboxes"), counted(v.Equal, "item", "items")),
		{styleOf(v.Missing == 0), fmt.Sprintf("%d missing", v.Missing)}, {plain, ", "}, {styleOf(v.Extra == 0), fmt.Sprintf("%d extra", v.Extra)}}}
	return append(lines, findingsOf(v.Findings)...)
}

func findingsOf(found []string) []line {
	var lines []line
	for _, f := range found {
		lines = append(lines, line{{bad, "  ✗ "}, {plain, f}})
	}
	return lines
}

// demoCompared is the end. The verdict's own time stands before it.
func demoCompared(e, ready demo.Event) []line {
	c := *e.Compared
	counts := fmt.Sprintf("(%s missing, %s twice)", count(c.Missing), count(c.Twice))
	if c.Clean() && verdictWord(*e.Verdict) != "READY" {
		return []line{demoLine(e, span{bad, "✗ "}, span{warn, verdictWord(*e.Verdict)}, textf("  every one of %s is in the new mailboxes %s", demoItems(c), counts))}
	}
	if c.Clean() {
		return []line{demoLine(ready, span{good, "READY"}, textf("  every one of %s is in the new mailboxes %s", demoItems(c), counts))}
	}
	l := demoLine(e, span{bad, "✗ NOT SAFE"}, textf("  of %s %s missing, %s twice, %s changed%s", demoItems(c), count(c.Missing), count(c.Twice), count(c.Changed), alsoSome(c.Invitations, "invitations sent")))
	return append([]line{l}, findingsOf(c.Findings)...)
}

// demoItems is how many items of each kind were compared.
func demoItems(c demo.Comparison) string {
	if c.Events+c.Contacts == 0 {
		return count(c.Messages) + " messages"
	}
	return fmt.Sprintf("%s messages, %s events and %s contacts", count(c.Messages), count(c.Events), count(c.Contacts))
}

func demoHolding(e demo.Event) []line {
	var lines []line
	if e.Failed != "" {
		lines = append(lines, line{{bad, "✗ "}, {plain, e.Failed}})
	}
	lines = append(lines, line{{plain, "Everything stays up until Ctrl-C."}},
		labelled("look", span{strong, config.Word(e.Opened.Program) + " status --config " + config.Word(e.Opened.Config)}),
		labelled("old", textf("imap %s  smtp %s", e.Opened.OldIMAP, e.Opened.OldSMTP)),
		labelled("new", textf("imap %s  smtp %s", e.Opened.NewIMAP, e.Opened.NewSMTP)),
		labelled("listener", span{plain, e.Opened.Listener}))
	rows := [][]string{{"MAILBOX", "PASSWORD ON THE OLD SERVER", "ON THE NEW ONE"}}
	for _, l := range e.Logins {
		rows = append(rows, []string{l.User, l.OldPassword, l.NewPassword})
	}
	for _, text := range aligned(rows) {
		lines = append(lines, line{{plain, "  " + text}})
	}
	return lines
}

// demoLog is the end of the service's log, for whoever wants to know why the demonstration failed.
func demoLog(log []string) []line {
	lines := []line{{{plain, "The last warnings of the service:"}}}
	for _, text := range log {
		lines = append(lines, line{{dim, "  " + text}})
	}
	return lines
}
