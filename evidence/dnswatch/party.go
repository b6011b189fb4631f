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

// Who tells whose a host is. The cloud's names are the cloud's. Else it is ours, or the old server's, by its name or any of its addresses, in this order: we may have taken the old
// server's place. A host that has addresses of both sides, at servers that differ, is the old side's.
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
	switch {
	case w.Cloud.are(host, nil):
		return Cloud
	case w.Ours.are(host, addresses):
		return Ours
	case w.Old.are(host, addresses):
		return Old
	case w.Cloud.are(host, addresses):
		return Cloud
	}
	return Other
}

func (m Marks) are(host string, addresses []string) bool {
	return slices.ContainsFunc(m.Names, func(name string) bool { return matches(name, host) }) || slices.ContainsFunc(addresses, m.has)
}

func (m Marks) has(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(m.Networks, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

func matches(name, host string) bool {
	below, wild := strings.CutPrefix(name, "*")
	return name == host || wild && strings.HasSuffix(host, below)
}
