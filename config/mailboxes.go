package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// roster reads the mailboxes file into Config.Mailboxes. It reports places, columns and addresses, never
// another cell: the file may hold passwords.
type roster struct {
	cfg      *Config
	file     string         // as messages name it
	owner    map[string]int // address → line of the mailbox that has it
	literals bool
	problems []Problem
	warnings []Problem
	keyless  map[string][]string  // server → mailboxes that cannot be opened there
	opened   map[[2]string]opened // server and login → the mailbox that has it
}

func newRoster(cfg *Config, file string) *roster {
	return &roster{cfg: cfg, file: file, owner: map[string]int{}, keyless: map[string][]string{}, opened: map[[2]string]opened{}}
}

func (r *roster) report(at cell, text, hint string) {
	r.problems = append(r.problems, Problem{File: r.file, Line: at.line, Column: at.column, Text: text, Hint: hint})
}

func (r *roster) read(f *os.File, data []byte) {
	s := readSheet(data, r.report)
	if s == nil || len(strings.Join(s.header, "")) == 0 {
		return
	}
	if len(s.rows) > 0 && !s.imapsync && !slices.Contains(s.header, "address") {
		r.report(cell{line: 1, column: 1}, "no column is named address", "the first line names the columns")
		return
	}
	for _, row := range s.rows {
		if m, ok := r.mailbox(s, row); ok {
			r.cfg.Mailboxes = append(r.cfg.Mailboxes, m)
		}
	}
	r.private(f)
	r.unopened()
	sortProblems(r.problems)
}

// private refuses a file with passwords in it that others can read.
func (r *roster) private(f *os.File) {
	if !r.literals {
		return
	}
	if err := privateFile(f); errors.Is(err, ErrWorldReadable) {
		r.report(cell{}, "it holds passwords and is readable by everybody", "chmod o= "+Word(r.file))
	} else if err != nil {
		r.report(cell{}, err.Error(), "")
	}
}

// row gives cells by column name.
type row struct {
	cells map[string]cell
	start cell
}

// get is a cell without the blanks around it, which only passwords keep. A cell that is not there is
// empty, and stands where the row begins.
func (r row) get(name string) cell {
	c, ok := r.cells[name]
	if !ok {
		c = cell{line: r.start.line, column: r.start.column}
	}
	if trimmed := strings.TrimSpace(c.text); trimmed == "" || !strings.HasSuffix(name, "_password") {
		c.text = trimmed
	}
	return c
}

func (r *roster) row(s *sheet, cells []cell) row {
	out := row{cells: map[string]cell{}, start: cells[0]}
	for i, c := range cells {
		if i < len(s.header) {
			out.cells[s.header[i]] = c
		} else if strings.TrimSpace(c.text) != "" {
			r.report(c, "more cells than the first line has columns", "")
			break
		}
	}
	return out
}

func (r *roster) mailbox(s *sheet, cells []cell) (m Mailbox, ok bool) {
	row := r.row(s, cells)
	address := row.get("address")
	if s.imapsync {
		address = r.loginAddress(row)
	}
	if address.text == "" {
		r.report(address, "a mailbox without an address", "")
		return m, false
	}
	canonical, bad := checkAddress(address.text)
	if bad != nil {
		// Not repeated: in a file whose columns are mixed up this may be a password.
		r.report(address, "this is not an address", "")
		return m, false
	}
	m = Mailbox{Address: canonical, Line: address.line}
	r.own(canonical, address)
	r.local(canonical, address)
	m.Aliases = r.aliases(row.get("aliases"))
	m.Kind = Kind(r.choice(row.get("kind"), "kind", "person", "shared", "room"))
	m.Home = Side(r.choice(row.get("home"), "home", "legacy", "cloud"))
	m.Wave = row.get("wave").text
	m.Legacy = r.account(m.Address, address.text, row, Legacy)
	m.Cloud = r.account(m.Address, address.text, row, Cloud)
	return m, true
}

// loginAddress finds the address among imapsync's two logins: one in our domains, else any.
func (r *roster) loginAddress(row row) cell {
	var any cell
	for _, name := range []string{"cloud_login", "legacy_login"} {
		c := row.get(name)
		a, bad := checkAddress(c.text)
		if bad != nil {
			continue
		}
		if r.cfg.ours(a) {
			return c
		}
		if any.text == "" {
			any = c
		}
	}
	if any.text == "" {
		any.line, any.column = row.start.line, row.start.column
	}
	return any
}

// own records whose an address is; two mailboxes cannot have one.
func (r *roster) own(address string, at cell) {
	if line, taken := r.owner[address]; taken {
		r.report(at, fmt.Sprintf("%s is there already, in line %d", address, line), "")
		return
	}
	r.owner[address] = at.line
}

func (r *roster) local(address string, at cell) {
	if r.cfg.ours(address) || !r.cfg.domainsKnown() {
		return
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	hint := didYouMean(domain, r.cfg.Domains)
	if hint == "" {
		hint = "add it to domains"
	}
	r.report(at, fmt.Sprintf("%s is in none of the domains", address), hint)
}

func (r *roster) aliases(c cell) []string {
	var out []string
	for _, a := range strings.FieldsFunc(c.text, func(x rune) bool { return x == ';' || x == ' ' || x == ',' }) {
		canonical, bad := checkAddress(a)
		if bad != nil {
			r.report(c, "aliases: one is not an address", "")
			continue
		}
		r.own(canonical, c)
		if r.cfg.domainsKnown() && !r.cfg.ours(canonical) {
			r.warnings = append(r.warnings, Problem{File: r.file, Line: c.line, Column: c.column, Text: canonical + " is in none of the domains: mail for this alias is refused", Hint: "add its domain to domains"})
		}
		out = append(out, canonical)
	}
	return out
}

// choice is one of the words, the first where the cell is empty.
func (r *roster) choice(c cell, name string, words ...string) string {
	word := strings.ToLower(c.text)
	switch {
	case word == "":
		return words[0]
	case !slices.Contains(words, word):
		r.report(c, fmt.Sprintf("%s is none of %s", name, strings.Join(words, ", ")), didYouMean(word, words))
	}
	return word
}
