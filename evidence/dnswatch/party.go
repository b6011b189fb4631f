package dnswatch

import (
	"net/netip"
	"slices"
	"strings"
)

// Party is whose a host is.
type Party string

const (
	Ours  Party = "posthouse" // a listener of ours
	Old   Party = "old"       // the old server's
	Cloud Party = "cloud"
	Other Party = "other" // somebody's whom we do not know: a filter, a backup MX
)

// Who tells whose a host is. Names are compared first, then addresses; of several parties the first in the order cloud, ours, old.
type Who struct {
	Cloud, Ours, Old Marks
}

// Marks are by what a party's hosts are known.
type Marks struct {
	Names    []string // in lower case; *.example.com is everything below example.com
	Networks []netip.Prefix
}

// Of tells whose the host is. addresses may be unknown.
func (w Who) Of(host string, addresses []string) Party {
	for _, p := range w.parties() {
		if slices.ContainsFunc(p.marks.Names, func(name string) bool { return matches(name, host) }) {
			return p.party
		}
	}
	for _, p := range w.parties() {
		if slices.ContainsFunc(addresses, p.marks.has) {
			return p.party
		}
	}
	return Other
}

type marked struct {
	party Party
	marks Marks
}

func (w Who) parties() []marked { return []marked{{Cloud, w.Cloud}, {Ours, w.Ours}, {Old, w.Old}} }

func (m Marks) has(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(m.Networks, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

func matches(name, host string) bool {
	below, wild := strings.CutPrefix(name, "*")
	return name == host || wild && strings.HasSuffix(host, below)
}
