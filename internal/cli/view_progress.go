package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// progressView is the block of bars: all messages, all octets, and a line for each mailbox that is being worked on or has a problem; rows is how many of the latter there
// is room for.
func progressView(s control.Status, p *speeds, zone *time.Location, rows int) []line {
	c := newCopied(s, p.all.rate())
	perSecond := ""
	if c.rate.messages > 0 && c.moving() {
		perSecond = countRate(c.rate.messages)
	}
	messages, total := int64(c.Messages), int64(c.Total)
	lines := []line{
		barLine("messages", messages, total, c.share(messages, total), c.messages(), perSecond),
		barLine("bytes", c.Bytes, c.BytesTotal, c.share(c.Bytes, c.BytesTotal), c.octets(), c.speed()),
	}
	return append(lines, mailboxLines(s, p, s.At.In(zone), rows)...)
}

// doneLine says how many mailboxes are done.
func doneLine(label string, done, total int) line {
	part, whole := int64(done), int64(total)
	return barLine(label, part, whole, fmt.Sprintf("%d %%", percent(part, whole)), fmt.Sprintf("%s/%s mailboxes", count(done), count(total)))
}

// barLine is a bar, its percentage, and what stands behind.
func barLine(label string, part, whole int64, share string, texts ...string) line {
	return labelled(label, span{good, bar(part, whole, barWidth)}, textf(" %5s  ", share), span{plain, join("   ", texts...)})
}

// mailboxLines shows problems first, then what a server asked to wait, then what is being copied, and counts what waits for its turn.
func mailboxLines(s control.Status, p *speeds, now time.Time, rows int) []line {
	v := naming{domains: s.Domains}
	waiting := 0
	var problems, asked, active []control.Mailbox
	for _, m := range s.Mailboxes {
		switch {
		case m.Error != "":
			problems = append(problems, m)
		case m.Wait != "":
			asked = append(asked, m)
		case m.State == stateCopying:
			active = append(active, m)
		case m.State == stateWaiting:
			waiting++
		}
	}
	width := v.width(problems, asked, active)
	var lines []line
	for _, m := range problems {
		lines = append(lines, problemLine(m, v.short(m.Address), width, now))
	}
	for _, m := range asked {
		lines = append(lines, waitLine(m, v.short(m.Address), width, now))
	}
	for _, m := range active {
		lines = append(lines, activeLine(m, v.short(m.Address), width, p.of(m.Address)))
	}
	if waiting > 0 {
		lines = append(lines, labelled(stateWaiting, span{plain, counted(waiting, "mailbox waits for its turn", "mailboxes wait for their turn")}))
	}
	return shortened(lines, rows)
}

// width is that of the widest name.
func (v naming) width(lists ...[]control.Mailbox) int {
	widest := 0
	for _, m := range slices.Concat(lists...) {
		widest = max(widest, columns(v.short(m.Address)))
	}
	return widest
}

func problemLine(m control.Mailbox, name string, width int, now time.Time) line {
	return line{{bad, "  " + pad(stateProblem, labelWidth) + " "}, {plain, pad(name, width) + "   " + firstOf(m.Error) + nextTry(m, now)}}
}

// waitLine is a planned wait: until when, and the server's words.
func waitLine(m control.Mailbox, name string, width int, now time.Time) line {
	return line{{warn, "  " + pad(stateWaiting, labelWidth) + " "}, {plain, pad(name, width) + "   " + waitText(m, now)}}
}

func waitText(m control.Mailbox, now time.Time) string {
	return "goes on at " + clockTime(m.Next, now) + ": " + m.Wait
}

func activeLine(m control.Mailbox, name string, width int, r rate) line {
	speed, eta := "", ""
	if r.bytes > 0 {
		speed = byteRate(r.bytes)
	}
	if d, ok := left(m.Done, m.Total, 0, 0, rate{messages: r.messages}); ok {
		eta = "ETA " + evidence.Length(d)
	}
	return barred(stateCopying, m, name, width, speed, eta, m.Folder)
}

// barred is a mailbox's line with how much of it is done.
func barred(label string, m control.Mailbox, name string, width int, texts ...string) line {
	done, total := int64(m.Done), int64(m.Total)
	if m.State == stateFollowing && done >= total {
		done, total = 1, 1 // it is whole, also where nothing is
	}
	numbers := fmt.Sprintf("%s/%s", count(m.Done), count(m.Total))
	return labelled(label,
		span{plain, pad(name, width) + "   "},
		span{good, bar(done, total, barWidth)},
		textf("%4d %%  ", percent(done, total)),
		span{plain, join("   ", append([]string{numbers, size(m.Bytes)}, texts...)...)})
}

// shortened keeps what there is room for.
func shortened(lines []line, rows int) []line {
	if len(lines) <= rows {
		return lines
	}
	kept := max(rows-1, 0)
	return append(lines[:kept:kept], labelled("", span{dim, fmt.Sprintf("and %s more", count(len(lines)-kept))}))
}

// progressText is the state of the first copy in one line, for logs.
func progressText(s control.Status, r rate) string {
	c := newCopied(s, r)
	share := ""
	if c.Total > 0 {
		share = c.share(int64(c.Messages), int64(c.Total))
	}
	numbers, speed := strings.ReplaceAll(c.numbers(), "   ", ", "), strings.ReplaceAll(c.speed(), "   ", ", ")
	return join(", ", "first copy: "+c.boxes(), share, numbers, speed, c.attention(""))
}
