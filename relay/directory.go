package relay

import (
	"slices"
	"strings"

	"posthouse/cutover"
)

// DirectoryConfig is what a Directory is made of. Addresses may be written in any case.
type DirectoryConfig struct {
	Mailboxes    []cutover.Mailbox
	Domains      []string
	AliasDomains map[string]string                     // alias domain → real domain
	Groups       map[cutover.Address][]cutover.Address // group → members, which may be groups
	Extra        map[cutover.Address]cutover.Address   // further address → address
	CatchAll     map[string]cutover.Address            // domain → address
	Postmaster   cutover.Address                       // takes postmaster@ and abuse@ of every domain; "" holds such mail
	PlusTags     bool                                  // anna+news@ is anna@
	Complete     bool                                  // unknown addresses in our domains are refused for good
}

// Directory knows the addresses of the organisation. It is immutable; a reload makes a new one.
type Directory struct {
	cfg    DirectoryConfig
	byAddr map[cutover.Address]cutover.Mailbox
}

// NewDirectory builds the lookup tables.
func NewDirectory(cfg DirectoryConfig) *Directory {
	d := &Directory{byAddr: map[cutover.Address]cutover.Mailbox{}}
	for _, m := range cfg.Mailboxes {
		for _, a := range append([]cutover.Address{m.Primary}, m.Aliases...) {
			d.byAddr[a.Fold()] = m
		}
	}
	cfg.Groups = folded(cfg.Groups)
	cfg.Extra = folded(cfg.Extra)
	d.cfg = cfg
	return d
}

func folded[V any](m map[cutover.Address]V) map[cutover.Address]V {
	out := make(map[cutover.Address]V, len(m))
	for a, v := range m {
		out[a.Fold()] = v
	}
	return out
}

// Answer is what the directory knows of an address.
type Answer string

const (
	Known   Answer = "known"   // leads to the mailboxes named, or is postmaster's
	Unknown Answer = "unknown" // in our domain, in no list
	NotOurs Answer = "not ours"
)

// Resolution is where an address leads.
type Resolution struct {
	Mailboxes []cutover.Mailbox // each once, sorted by ID
	Others    []cutover.Address // members of groups that are no mailbox of ours
}

func (r *Resolution) add(m cutover.Mailbox) {
	if !slices.ContainsFunc(r.Mailboxes, func(have cutover.Mailbox) bool { return have.ID == m.ID }) {
		r.Mailboxes = append(r.Mailboxes, m)
	}
}

func (r *Resolution) sort() Resolution {
	slices.SortFunc(r.Mailboxes, func(a, b cutover.Mailbox) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.Sort(r.Others)
	return *r
}

// Resolve follows an address through aliases, groups, extra addresses, plus tags and the catch-all. Postmaster and abuse are always known, even when they lead nowhere
// (RFC 5321 §4.5.1, RFC 2142).
func (d *Directory) Resolve(a cutover.Address) (Resolution, Answer) {
	a = d.canonical(a)
	if !d.ours(a) {
		return Resolution{}, NotOurs
	}
	var found Resolution
	if d.follow(a, &found, map[cutover.Address]bool{}) {
		return found.sort(), Known
	}
	return d.fallback(a, &found)
}

func (d *Directory) ours(a cutover.Address) bool { return slices.Contains(d.cfg.Domains, a.Domain()) }

// fallback serves addresses that no list has: postmaster and abuse, then the domain's catch-all.
func (d *Directory) fallback(a cutover.Address, found *Resolution) (Resolution, Answer) {
	seen := map[cutover.Address]bool{}
	if local := strings.ToLower(a.Local()); local == "postmaster" || local == "abuse" {
		d.follow(d.canonical(d.cfg.Postmaster), found, seen)
		return found.sort(), Known
	}
	if all, ok := d.cfg.CatchAll[a.Domain()]; ok && d.follow(d.canonical(all), found, seen) {
		return found.sort(), Known
	}
	return Resolution{}, Unknown
}

// follow adds what is behind an address and reports whether any list has it. seen cuts groups that contain one another.
func (d *Directory) follow(a cutover.Address, found *Resolution, seen map[cutover.Address]bool) bool {
	if a == "" || seen[a] {
		return a != ""
	}
	seen[a] = true
	if m, ok := d.byAddr[a]; ok {
		found.add(m)
		return true
	}
	if members, ok := d.cfg.Groups[a]; ok {
		for _, member := range members {
			if member = d.canonical(member); !d.follow(member, found, seen) {
				found.Others = append(found.Others, member)
			}
		}
		return true
	}
	if other, ok := d.cfg.Extra[a]; ok {
		return d.follow(d.canonical(other), found, seen)
	}
	if bare := a.WithoutTag(); d.cfg.PlusTags && bare != a {
		return d.follow(bare, found, seen)
	}
	return false
}

// canonical folds the address and replaces an alias domain by the real one.
func (d *Directory) canonical(a cutover.Address) cutover.Address {
	a = a.Fold()
	if real, ok := d.cfg.AliasDomains[a.Domain()]; ok {
		return cutover.Address(a.Local() + "@" + real)
	}
	return a
}
