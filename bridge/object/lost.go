package object

import (
	"maps"
	"slices"
	"strings"
)

// Lost names the properties of one object that another, said to be its copy, lacks or has with another value; in order, each once. How they are written makes no difference: folding, order, groups,
// escapes and quotes where none are needed, empty parts at the end of a name or an address, whether the types of an address stand in one parameter or in several, and whether what holds without being said
// is said. Nor do those that servers write anew at will, the time zones (their rules are the same in many forms), nor what the copy has beside.
func Lost(from, copied []byte) (names []string) {
	has := sayings(copied)
	lost := map[string]bool{}
	for said, n := range sayings(from) {
		if has[said] < n {
			lost[said.name] = true
		}
	}
	return slices.Sorted(maps.Keys(lost))
}

// saying is what one line says.
type saying struct {
	within string // the component, with those around it
	name   string
	params string
	value  string
}

// unsaid are properties that servers write anew without anybody changing the object.
var unsaid = map[string]bool{"BEGIN": true, "END": true, "VERSION": true, "PRODID": true, "DTSTAMP": true, "REV": true, "X-RADICALE-NAME": true, "CALSCALE": true, "METHOD": true,
	"CREATED": true, "LAST-MODIFIED": true, "SEQUENCE": true}

// understood are values that hold where nothing is said (RFC 5545 §3.8.1.3, §3.8.2.7, §3.8.1.9).
var understood = map[string]string{"CLASS": "PUBLIC", "TRANSP": "OPAQUE", "PRIORITY": "0"}

func sayings(raw []byte) map[saying]int {
	all := map[saying]int{}
	var open []string
	for _, l := range Lines(raw) {
		name := l.Name()
		switch {
		case name == "BEGIN":
			open = append(open, strings.ToUpper(strings.TrimSpace(l.Value())))
		case name == "END":
			open = open[:max(0, len(open)-1)]
		}
		if name == "" || unsaid[name] || slices.Contains(open, "VTIMEZONE") {
			continue
		}
		head, value := l.Cut()
		said := saying{within: strings.Join(open, "/"), name: name, params: saidParams(head), value: saidValue(name, value)}
		if said.value != "" && said.value != understood[name] {
			all[said]++
		}
	}
	return all
}

// saidParams are the parameters in order. Types are as good in one parameter as in many, and those that servers add for scheduling are not the object's.
func saidParams(head string) string {
	var all []string
	for _, p := range Params(head)[1:] {
		key, value, is := strings.Cut(p, "=")
		if !is { // vCard 2.1: a type without the word
			key, value = "TYPE", key
		}
		switch key = strings.ToUpper(strings.TrimSpace(key)); {
		case strings.HasPrefix(key, "SCHEDULE-"):
		case key == "TYPE":
			for one := range strings.SplitSeq(strings.Trim(value, `"`), ",") {
				all = append(all, "TYPE="+strings.ToUpper(one))
			}
		default:
			all = append(all, key+"="+strings.ReplaceAll(value, `"`, ""))
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ";")
}

// saidValue is a value as it is meant. The parts of a rule have no order (RFC 5545 §3.3.10), and those of a name or an address that are empty at its end need not be written.
func saidValue(name, value string) string {
	switch name {
	case "RRULE", "EXRULE":
		parts := strings.Split(strings.ToUpper(value), ";")
		slices.Sort(parts)
		return strings.Trim(strings.Join(parts, ";"), ";")
	case "N", "ADR", "ORG":
		value = strings.TrimRight(value, ";")
	}
	return strings.TrimSpace(unescape(value))
}
