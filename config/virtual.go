package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// virtualLine is one line of a list of addresses as Postfix has them (virtual(5)): an address or @domain, and where its mail goes.
type virtualLine struct {
	line    int
	address string
	targets []string
}

// parseVirtual reads such a list. Lines that begin with # are comments, lines that begin with a blank go on with the one before them. What it cannot read it reports, by line.
func parseVirtual(data []byte, report func(line int, text, hint string)) (all []virtualLine) {
	if !utf8.Valid(data) {
		report(0, "the file is not UTF-8", "")
		return nil
	}
	for i, line := range strings.Split(strings.TrimPrefix(string(data), "\uFEFF"), "\n") {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || text[0] == '#':
		case line[0] != ' ' && line[0] != '\t':
			address, targets, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
			all = append(all, virtualLine{i + 1, address, targetsOf(targets)})
		case len(all) == 0:
			report(i+1, "the first line begins with a blank", "")
		default:
			last := &all[len(all)-1]
			last.targets = append(last.targets, targetsOf(text)...)
		}
	}
	return all
}

func targetsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// canonical is the line as it is kept. A target without a domain is in the first one.
func (v virtualLine) canonical(first string) (virtualLine, *fault) {
	check := checkAddress
	if strings.HasPrefix(v.address, "@") {
		check = checkAtDomain
	}
	address, bad := check(v.address)
	if bad != nil {
		return v, bad
	}
	if len(v.targets) == 0 {
		return v, faultf("%q leads nowhere", v.address)
	}
	out := virtualLine{v.line, address, make([]string, len(v.targets))}
	for i, target := range v.targets {
		if !strings.Contains(target, "@") && !strings.HasPrefix(target, "|") && !strings.HasPrefix(target, "/") {
			target += "@" + first
		}
		if out.targets[i], bad = checkAddress(target); bad != nil {
			return v, &fault{text: bad.text, hint: "a target is an address; programs, files and @domain are none"}
		}
	}
	return out, nil
}

// readVirtual reads the list of recipients and gives each address its owner. What says of a mailbox's own address only that it is that mailbox's is no news.
func (c *checker) readVirtual(owner map[string]string) (list []virtualLine) {
	r := &c.cfg.Recipients
	r.Listed = map[string][]string{}
	if r.Virtual == "" || !c.cfg.domainsKnown() {
		return nil
	}
	f, err := openNow(r.Virtual)
	if err != nil {
		return nil // was refused where its name was read
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil {
		c.bad("recipients.virtual", "", "%s", err)
		return nil
	}
	for _, v := range parseVirtual(data, c.virtualFault) {
		if domain, bad := checkDomain(v.address); bad == nil && c.cfg.ours("@"+domain) {
			continue // says that the domain is one of this list, whatever stands behind it
		}
		v, bad := v.canonical(c.cfg.Domains[0])
		switch {
		case bad != nil:
			c.virtualFault(v.line, bad.text, bad.hint)
		case !c.cfg.ours(v.address):
			_, domain := split(v.address)
			c.virtualFault(v.line, fmt.Sprintf("%q is in none of the domains", v.address), didYouMean(domain, c.cfg.Domains))
		case len(v.targets) == 1 && owner[v.address] != "" && owner[v.address] == owner[v.targets[0]]:
		case owner[v.address] != "":
			c.virtualFault(v.line, fmt.Sprintf("%q belongs to %s already", v.address, owner[v.address]), "")
		default:
			owner[v.address] = fmt.Sprintf("line %d of %s", v.line, c.shown(r.Virtual))
			r.Listed[v.address] = v.targets
			list = append(list, v)
		}
	}
	return list
}

// virtualTargets looks at the targets as at the members of groups, once all addresses are known.
func (c *checker) virtualTargets(list []virtualLine, owner map[string]string) {
	for _, v := range list {
		for _, target := range v.targets {
			switch bad := c.memberFault(v.address, target, owner); {
			case bad == nil:
			case bad.warning:
				c.besideWarnings = append(c.besideWarnings, Problem{File: c.shown(c.cfg.Recipients.Virtual), Line: v.line, Column: 1, Text: bad.text, Hint: bad.hint})
			default:
				c.virtualFault(v.line, bad.text, bad.hint)
			}
		}
	}
}

func (c *checker) virtualFault(line int, text, hint string) {
	c.beside = append(c.beside, Problem{File: c.shown(c.cfg.Recipients.Virtual), Line: line, Column: min(line, 1), Text: text, Hint: hint})
}

// listed compares the lists of recipients.
func (d *differ) listed(old, new map[string][]string) {
	all := maps.Clone(old)
	if all == nil {
		all = map[string][]string{}
	}
	maps.Copy(all, new)
	for _, address := range slices.Sorted(maps.Keys(all)) {
		was, is := strings.Join(old[address], ", "), strings.Join(new[address], ", ")
		if was != is {
			d.add("recipients.virtual["+address+"]", was, is, true)
		}
	}
}
