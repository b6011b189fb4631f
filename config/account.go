package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// account is how a mailbox is opened on one side; its login is its address where the file does not say.
func (r *roster) account(address, login string, row row, side Side) Account {
	prefix := string(side) + "_"
	a := Account{
		Server:   r.server(row.get(prefix+"server"), side),
		Login:    row.get(prefix + "login").text,
		Password: r.password(row.get(prefix+"password"), prefix+"password"),
	}
	if a.Login == "" {
		a.Login = login
	}
	r.openedTwice(address, a, side, row.get(prefix+"login"))
	s, ok := r.cfg.Servers[a.Server]
	if ok && (s.IMAP != "" || s.DAV != "" && !strings.HasPrefix(s.DAV, DAVFiles)) && s.Login == LoginPassword && s.MasterUser == "" && a.Password.IsZero() {
		r.keyless[a.Server] = append(r.keyless[a.Server], address)
	}
	return a
}

// server finds the server by name or by its host, and where none is named the only one of the side.
func (r *roster) server(c cell, side Side) string {
	servers := r.cfg.serversOf(side)
	if c.text == "" {
		if len(servers) > 1 {
			r.report(c, fmt.Sprintf("%s_server is missing", side), "there are several: "+strings.Join(servers, ", "))
		}
		if len(servers) == 1 {
			return servers[0]
		}
		return ""
	}
	for _, name := range servers {
		host, _, _ := net.SplitHostPort(r.cfg.Servers[name].IMAP)
		if c.text == name || strings.EqualFold(c.text, host) {
			return name
		}
	}
	r.report(c, fmt.Sprintf("%s_server is no server of side %q", side, side), oneOf(c.text, servers))
	return ""
}

// password takes a reference, or the password itself.
func (r *roster) password(c cell, column string) Secret {
	if c.text == "" {
		return Secret{}
	}
	s, err := ParseSecret(strings.TrimSpace(c.text))
	if err != nil {
		r.literals = true
		return LiteralSecret(c.text)
	}
	s = s.within(filepath.Dir(r.cfg.MailboxesFile))
	if bad := checkSecret(s); bad != nil && bad.warning {
		r.warnings = append(r.warnings, Problem{File: r.file, Line: c.line, Column: c.column, Text: column + ": " + bad.text, Hint: bad.hint})
	} else if bad != nil {
		r.report(c, column+": "+bad.text, bad.hint)
	}
	return s
}

// unopened warns of mailboxes for which there is no way to log in. It does not refuse the file: mail for
// them can be taken all the same.
func (r *roster) unopened() {
	for _, server := range r.cfg.serverNames() {
		who := r.keyless[server]
		if len(who) == 0 {
			continue
		}
		text := fmt.Sprintf("no password on server %q for %s", server, some(who))
		r.warnings = append(r.warnings, Problem{File: r.file, Text: text, Hint: "fill the column, or give the server a master_user"})
	}
}

// some names a few and counts the rest.
func some(list []string) string {
	if len(list) <= 3 {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:2], ", "), len(list)-2)
}
