package object

import (
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
	lines []Line
}

// Split takes a file apart into its items, in their order. What holds one item comes back as it is; what holds none is one part without a UID.
func Split(kind cutover.FolderKind, raw []byte) []Part {
	var parts []Part
	if kind == cutover.Contacts {
		parts = cards(raw)
	} else {
		parts = events(raw)
	}
	if len(parts) == 0 {
		return []Part{{Raw: raw}}
	}
	if len(parts) == 1 {
		parts[0].Raw = raw
	}
	return parts
}

func cards(raw []byte) (parts []Part) {
	_, blocks := blocksOf(Lines(raw))
	for _, b := range blocks {
		if b.name == "VCARD" {
			parts = append(parts, Part{b.uid, Join(b.lines...)})
		}
	}
	return parts
}

// events groups the components of calendars by UID. Those without one stay apart.
func events(raw []byte) (parts []Part) {
	at := map[string]int{}
	_, calendars := blocksOf(Lines(raw))
	var groups []group
	for _, c := range calendars {
		if c.name != "VCALENDAR" {
			continue
		}
		own, within := blocksOf(c.lines[1 : len(c.lines)-1])
		around := around{first: c.lines[0], own: own, last: c.lines[len(c.lines)-1]}
		for _, b := range within {
			if b.name == "VTIMEZONE" {
				around.zones = append(around.zones, b)
			}
		}
		begun := len(groups)
		for _, b := range within {
			if b.name == "VTIMEZONE" {
				continue
			}
			i, known := at[b.uid]
			if !known || b.uid == "" {
				i = len(groups)
				groups = append(groups, group{uid: b.uid, around: around})
				at[b.uid] = i
			}
			groups[i].lines, groups[i].whole = append(groups[i].lines, b.lines...), nil
		}
		if len(groups) == begun+1 && alone(within) {
			groups[begun].whole = c.lines // a calendar of its own: it stays as it is
		}
	}
	for _, g := range groups {
		parts = append(parts, Part{g.uid, g.raw()})
	}
	return parts
}

// around is what a calendar has beside its items.
type around struct {
	first, last Line
	own         []Line
	zones       []block
}

type group struct {
	uid    string
	around around
	lines  []Line
	whole  []Line // the calendar around it, if that holds nothing else
}

// alone reports whether all components but time zones have one UID.
func alone(within []block) bool {
	uids := map[string]bool{}
	n := 0
	for _, b := range within {
		if b.name != "VTIMEZONE" {
			uids[b.uid] = true
			n++
		}
	}
	return len(uids) == 1 && (n == 1 || !uids[""])
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
	depth := 0
	for _, l := range lines {
		switch name := l.Name(); {
		case name == "BEGIN":
			if depth++; depth == 1 {
				blocks = append(blocks, block{name: strings.ToUpper(strings.TrimSpace(l.Value()))})
			}
		case name == "UID" && depth == 1 && blocks[len(blocks)-1].uid == "":
			blocks[len(blocks)-1].uid = unescape(strings.TrimSpace(l.Value()))
		}
		if depth == 0 {
			if l.Text != "" {
				beside = append(beside, l)
			}
			continue
		}
		last := &blocks[len(blocks)-1]
		last.lines = append(last.lines, l)
		if l.Name() == "END" {
			depth--
		}
	}
	if depth > 0 {
		blocks[len(blocks)-1].lines = append(blocks[len(blocks)-1].lines, NewLine("END:"+blocks[len(blocks)-1].name))
	}
	return beside, blocks
}

func unescape(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	return strings.NewReplacer(`\\`, `\`, `\,`, `,`, `\;`, `;`, `\n`, "\n", `\N`, "\n").Replace(value)
}
