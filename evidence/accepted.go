package evidence

import "strings"

// Newcomers is the name by which a person accepts that somebody may come who was never seen.
const Newcomers = "newcomers"

// accepted are the names that a person accepted, ready to be asked for.
type accepted map[string]bool

// accept makes names ready: a host's stands for the system that it is of, too.
func accept(names []string) accepted {
	all := make(accepted)
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		all[name] = true
		if host, _ := hostOf(name); host != "" {
			all[numberless(host)] = true
		}
	}
	delete(all, "")
	return all
}

// has tells whether somebody was accepted: by the name he gives, by that of his system, or by a domain that it belongs to.
func (a accepted) has(sender, system string) bool {
	if len(a) == 0 {
		return false
	}
	if a[sender] || a[system] {
		return true
	}
	name, _, _ := strings.Cut(system, " via ")
	for rest, more := name, true; more; _, rest, more = strings.Cut(rest, ".") {
		if a[rest] && strings.Contains(rest, ".") {
			return true
		}
	}
	return false
}
