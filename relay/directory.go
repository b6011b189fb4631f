package relay

import (
	"slices"
	"strings"

	"posthouse/cutover"
)

// DirectoryConfig is what a Directory is made of. Addresses and domains may be written in any case.
type DirectoryConfig struct {
	Mailboxes    []cutover.Mailbox
	Domains      []string
	AliasDomains map[string]string                     // alias domain → real domain; an address listed in the alias domain itself goes first
	Groups       map[cutover.Address][]cutover.Address // group → members, which may be groups
	Extra        map[cutover.Address]cutover.Address   // further address → address, which may be outside
	CatchAll     map[string]cutover.Address            // domain → address
	Postmaster   cutover.Address                       // takes postmaster@ and abuse@ of every domain; "" holds such mail
	PlusTags     bool                                  // anna+news@ is anna@
	SendAs       map[cutover.Address][]cutover.Address // mailbox → further addresses that its owner sends as; @domain is all of that domain
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
	cfg.Domains = slices.Clone(cfg.Domains)
	for i, domain := range cfg.Domains {
		cfg.Domains[i] = strings.ToLower(domain)
	}
	cfg.Groups, cfg.Extra, cfg.SendAs = folded(cfg.Groups), folded(cfg.Extra), folded(cfg.SendAs)
	cfg.AliasDomains, cfg.CatchAll = folded(cfg.AliasDomains), folded(cfg.CatchAll)
	d.cfg = cfg
	return d
}

func folded[K ~string, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		out[K(strings.ToLower(string(k)))] = v
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
	Others    []cutover.Address // members of groups and the like that are no mailbox of ours, sorted
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
	as, a := a.Fold(), d.canonical(a)
	if !d.ours(a) {
		return Resolution{}, NotOurs
	}
	var found Resolution
	if d.follow(a, &found, map[cutover.Address]bool{}) {
		return found.sort(), Known
	}
	return d.fallback(as, a, &found)
}

// Ours reports whether the address is in one of our domains, whoever has it.
func (d *Directory) Ours(a cutover.Address) bool { return d.ours(a.Fold()) }

func (d *Directory) ours(a cutover.Address) bool {
	_, alias := d.cfg.AliasDomains[a.Domain()]
	return alias || slices.Contains(d.cfg.Domains, a.Domain())
}

// fallback serves addresses that no list has: postmaster and abuse, then the catch-all of the domain as it was written, then that of the real one.
func (d *Directory) fallback(as, a cutover.Address, found *Resolution) (Resolution, Answer) {
	if local := a.Local(); local == "postmaster" || local == "abuse" {
		d.follow(d.canonical(d.cfg.Postmaster), found, map[cutover.Address]bool{})
		return found.sort(), Known
	}
	for _, domain := range []string{as.Domain(), a.Domain()} {
		if all, ok := d.cfg.CatchAll[domain]; ok && d.follow(d.canonical(all), found, map[cutover.Address]bool{}) {
			return found.sort(), Known
		}
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
			d.reach(member, found, seen)
		}
		return true
	}
	if other, ok := d.cfg.Extra[a]; ok {
		d.reach(other, found, seen)
		return true
	}
	if bare := d.untagged(a); bare != a {
		return d.follow(bare, found, seen)
	}
	return false
}

// reach adds what is behind an address that a list names. One that no list has is not lost: it stands among the others.
func (d *Directory) reach(a cutover.Address, found *Resolution, seen map[cutover.Address]bool) {
	if a = d.canonical(a); !d.follow(a, found, seen) {
		found.Others = append(found.Others, a)
	}
}

// canonical folds the address and replaces an alias domain by the real one, unless the address itself is listed.
func (d *Directory) canonical(a cutover.Address) cutover.Address {
	a = a.Fold()
	real, ok := d.cfg.AliasDomains[a.Domain()]
	if !ok || d.listed(a) || d.listed(d.untagged(a)) {
		return a
	}
	return cutover.Address(a.Local() + "@" + strings.ToLower(real))
}

func (d *Directory) listed(a cutover.Address) bool {
	_, mailbox := d.byAddr[a]
	_, group := d.cfg.Groups[a]
	_, extra := d.cfg.Extra[a]
	return mailbox || group || extra
}

// untagged removes the plus tag of an address of ours; what a plus means elsewhere is not ours to say.
func (d *Directory) untagged(a cutover.Address) cutover.Address {
	if !d.cfg.PlusTags || !d.ours(a) {
		return a
	}
	return a.WithoutTag()
}
