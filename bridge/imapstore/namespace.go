package imapstore

import (
	"slices"
	"strings"
	"unicode"

	"github.com/emersion/go-imap/v2"

	"posthouse/cutover"
)

// namespace is one prefix of names (RFC 2342), with its separator.
type namespace struct {
	prefix    string
	separator string // empty: names have no levels
	foreign   bool   // other users' or shared
	// virtual: its folders only show what lies elsewhere. Dovecot's plugin for searches as folders has a namespace of its own, by this name in its manual and nearly everywhere.
	virtual bool
}

type namespaces []namespace

// newNamespaces takes the server's answer; nil is that of one that cannot tell.
func newNamespaces(data *imap.NamespaceData) namespaces {
	if data == nil {
		return nil
	}
	var all namespaces
	add := func(list []imap.NamespaceDescriptor, foreign bool) {
		for _, d := range list {
			n := namespace{prefix: d.Prefix, separator: separator(d.Delim), foreign: foreign}
			n.virtual = strings.EqualFold(strings.TrimSuffix(n.prefix, n.separator), "virtual")
			all = append(all, n)
		}
	}
	add(data.Personal, false)
	add(data.Other, true)
	add(data.Shared, true)
	return all
}

func separator(delim rune) string {
	if delim == 0 {
		return ""
	}
	return string(delim)
}

// guessed is the personal namespace of a server that does not tell: its separator is that of the INBOX, and if everything lies below the INBOX, its prefix
// is the INBOX (Courier, old Cyrus).
func guessed(list []*imap.ListData) namespaces {
	n := namespace{separator: "/"}
	for _, data := range list {
		if data.Mailbox == "INBOX" {
			n.separator = separator(data.Delim)
		}
	}
	below := "INBOX" + n.separator
	outside := slices.ContainsFunc(list, func(data *imap.ListData) bool {
		return data.Mailbox != "INBOX" && !strings.HasPrefix(strings.ToUpper(visible(data.Mailbox)), below)
	})
	if len(list) > 1 && !outside && n.separator != "" {
		n.prefix = below
	}
	return namespaces{n}
}

// of finds the namespace of a name: the longest prefix wins. The name of the prefix itself ("Shared" for "Shared/") belongs to it too.
func (all namespaces) of(name string) namespace {
	best := namespace{}
	for _, n := range all {
		if len(n.prefix) >= len(best.prefix) && (strings.HasPrefix(name, n.prefix) || n.foreign && name == strings.TrimSuffix(n.prefix, n.separator)) {
			best = n
		}
	}
	return best
}

func (all namespaces) personal() bool {
	return slices.ContainsFunc(all, func(n namespace) bool { return !n.foreign })
}

// home is the personal namespace that new folders go to: the first one.
func (all namespaces) home() namespace {
	for _, n := range all {
		if !n.foreign {
			return n
		}
	}
	return namespace{separator: "/"}
}

// path takes a name apart. The prefix of our home is not part of the path: Courier's "INBOX.Sent" is Sent. That of a further personal namespace ("Archive/") tells its folders from those at home.
func (all namespaces) path(name, separator string) (path cutover.FolderPath, foreign bool) {
	if strings.EqualFold(name, "INBOX") {
		return cutover.FolderPath{"INBOX"}, false
	}
	name = visible(name)
	n := all.of(name)
	rest := name
	if n == all.home() && len(name) > len(n.prefix) {
		rest = name[len(n.prefix):]
	}
	if separator == "" {
		return cutover.FolderPath{rest}, n.foreign
	}
	path = strings.Split(strings.TrimSuffix(rest, separator), separator)
	if strings.EqualFold(path[0], "INBOX") {
		path[0] = "INBOX"
	}
	return path, n.foreign
}

// name puts a path together for the server; fit must have been applied.
func (n namespace) name(path cutover.FolderPath) string {
	if len(path) == 1 && path[0] == "INBOX" {
		return "INBOX"
	}
	return n.prefix + strings.Join(path, n.separator)
}

// fit makes a path that this server can hold: what its separator or its wildcards would tear apart becomes "_", visibly and always in the same way. A
// server without levels gets them in one name, joined by "-".
func (n namespace) fit(path cutover.FolderPath) cutover.FolderPath {
	fitted := make(cutover.FolderPath, 0, len(path))
	for i, element := range path {
		if i == 0 && strings.EqualFold(element, "INBOX") {
			element = "INBOX"
		}
		fitted = append(fitted, n.fitElement(element))
	}
	if n.separator == "" && len(fitted) > 1 {
		return cutover.FolderPath{strings.Join(fitted, "-")}
	}
	return fitted
}

func (n namespace) fitElement(element string) string {
	fitted := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '*' || r == '%' || r == unicode.ReplacementChar || n.separator != "" && string(r) == n.separator {
			return '_'
		}
		return r
	}, element)
	if fitted == "" {
		return "_"
	}
	return fitted
}
