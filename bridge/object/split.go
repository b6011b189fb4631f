package object

import (
	"bytes"
	"slices"
	"strings"

	"posthouse/cutover"
)

// Part is one item of a file.
type Part struct {
	UID string // empty if it has none
	Raw []byte
}

// block is a component with its lines, from BEGIN to END.
type block struct {
	name  string
	uid   string
	at    string // which recurrence it changes; empty for the event itself
	lines []Line
}

// Split takes a file apart into its items, in their order. What holds one item comes back as it is, unless that is strewn over several calendars; what holds none is one part without a UID.
func Split(kind cutover.FolderKind, raw []byte) []Part {
	_, blocks := blocksOf(Lines(raw))
	name, take := "VCALENDAR", events
	if kind == cutover.Contacts {
		name, take = "VCARD", cards
	}
	blocks = slices.DeleteFunc(blocks, func(b block) bool { return b.name != name })
	parts := take(blocks)
	if len(parts) == 0 {
		return []Part{{Raw: raw}}
	}
	if len(parts) == 1 && len(blocks) == 1 {
		parts[0].Raw = raw
	}
	return parts
}

func cards(all []block) (parts []Part) {
	for _, b := range all {
		parts = append(parts, Part{b.uid, Join(b.lines...)})
	}
	return parts
}

// events groups the components of calendars by UID. Those without one stay apart, and so do an event and a task of one UID, and two events of which neither is a recurrence of the other.
func events(calendars []block) (parts []Part) {
	at := map[string]int{}
	var groups []group
	for _, c := range calendars {
		own, within := blocksOf(c.lines[1 : len(c.lines)-1])
		around := around{first: c.lines[0], own: own, last: c.lines[len(c.lines)-1]}
		around.zones, within = zonesIn(within)
		begun, together := len(groups), 0
		for _, b := range within {
			i, known := at[b.name+b.uid]
			if !known || b.uid == "" || slices.Contains(groups[i].at, b.at) {
				i = len(groups)
				groups = append(groups, group{uid: b.uid, around: around})
				at[b.name+b.uid] = i
			}
			groups[i].add(b, around.zones)
			if i == begun {
				together++
			}
		}
		if together > 0 && together == len(within) {
			groups[begun].whole = c.lines // a calendar of its own: it stays as it is
		}
	}
	for _, g := range groups {
		parts = append(parts, Part{g.uid, g.raw()})
	}
	return parts
}

// zonesIn separates time zones from items.
func zonesIn(all []block) (zones, items []block) {
	for _, b := range all {
		if b.name == "VTIMEZONE" {
			zones = append(zones, b)
		} else {
			items = append(items, b)
		}
	}
	return zones, items
}

// around is what a calendar has beside its items.
type around struct {
	first, last Line
	own         []Line
	zones       []block
}

type group struct {
	uid    string
	at     []string // the recurrences that it holds
	around around
	lines  []Line
	whole  []Line // the calendar around it, if that holds nothing else
}

// add takes one more component, which may come from another calendar than the first.
func (g *group) add(b block, zones []block) {
	g.lines, g.at, g.whole = append(g.lines, b.lines...), append(g.at, b.at), nil
	for _, z := range zones {
		if !slices.ContainsFunc(g.around.zones, func(have block) bool { return have.zone() == z.zone() }) {
			g.around.zones = append(slices.Clip(g.around.zones), z)
		}
	}
}

// raw is a calendar with the group's lines alone, and the time zones that they name.
func (g group) raw() []byte {
	if g.whole != nil {
		return Join(g.whole...)
	}
	raw := Join(append([]Line{g.around.first}, g.around.own...)...)
	for _, z := range g.around.zones {
		if g.names(z.zone()) {
			raw = append(raw, Join(z.lines...)...)
		}
	}
	return append(append(raw, Join(g.lines...)...), g.around.last.Raw...)
}

func (g group) names(zone string) bool {
	for _, l := range g.lines {
		if zone != "" && l.Param("TZID") == zone {
			return true
		}
	}
	return false
}

func (b block) zone() string {
	for _, l := range b.lines {
		if l.Name() == "TZID" {
			return strings.TrimSpace(l.Value())
		}
	}
	return ""
}

// blocksOf separates the outermost components from the lines beside them. One that is not ended reaches to the end.
func blocksOf(lines []Line) (beside []Line, blocks []block) {
	var open []string
	for _, l := range lines {
		switch name := l.Name(); {
		case name == "BEGIN":
			if open = append(open, strings.ToUpper(strings.TrimSpace(l.Value()))); len(open) == 1 {
				l.Raw = bytes.TrimPrefix(l.Raw, []byte(ByteOrderMark))
				blocks = append(blocks, block{name: open[0]})
			}
		case name == "UID" && len(open) == 1 && blocks[len(blocks)-1].uid == "":
			blocks[len(blocks)-1].uid = unescape(strings.TrimSpace(l.Value()))
		case name == "RECURRENCE-ID" && len(open) == 1:
			blocks[len(blocks)-1].at = strings.TrimSpace(l.Value())
		}
		if len(open) == 0 {
			if l.Text != "" {
				beside = append(beside, l)
			}
			continue
		}
		last := &blocks[len(blocks)-1]
		last.lines = append(last.lines, l)
		if l.Name() == "END" {
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		last := &blocks[len(blocks)-1]
		last.lines = ended(last.lines, open)
	}
	return beside, blocks
}

// ended are the lines of a file that was cut off, with the end of the last one and of what is open.
func ended(lines []Line, open []string) []Line {
	last := &lines[len(lines)-1]
	if !bytes.HasSuffix(last.Raw, []byte("\n")) {
		last.Raw = append(slices.Clip(last.Raw), "\r\n"...)
	}
	for _, name := range slices.Backward(open) {
		lines = append(lines, NewLine("END:"+name))
	}
	return lines
}

func unescape(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	return strings.NewReplacer(`\\`, `\`, `\,`, `,`, `\;`, `;`, `\n`, "\n", `\N`, "\n").Replace(value)
}
