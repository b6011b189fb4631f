package dnswatch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lead is one host to which the domain's mail is led by an answer that is given now.
type Lead struct {
	Preference int      `json:"preference"`
	Host       string   `json:"host"`
	Party      Party    `json:"party"`
	Addresses  []string `json:"addresses,omitempty"`
}

// MX is where the domain's mail goes, and went.
type MX struct {
	Known    bool      `json:"known"`              // somebody told
	Told     time.Time `json:"told,omitzero"`      // when anybody last did
	Leads    []Lead    `json:"leads"`              // the most preferred first
	Old      bool      `json:"old"`                // it led to the old side at some look
	Switched time.Time `json:"switched,omitzero"`  // since when nothing leads to the old side; zero while something does, or nobody knows
	AtFirst  bool      `json:"at_first,omitempty"` // it was so already when we first looked: Switched is that look, not the switch
	Back     time.Time `json:"back,omitzero"`      // when it was seen to lead back to the old side, after it was switched, and still does
	Before   time.Time `json:"before,omitzero"`    // when it had been switched then
}

// leads are the hosts of every MX answer that is given now.
func (h History) leads(who Who) []Lead {
	var all []Lead
	for _, p := range h.Records[Key{h.Domain, "MX"}].Current() {
		for _, host := range exchangers(h.Domain, p.Values) {
			l := Lead{Preference: preference(p.Values, host), Host: host, Addresses: h.Hosts[host]}
			l.Party = who.Of(host, l.Addresses)
			if !slices.ContainsFunc(all, func(b Lead) bool { return b.Preference == l.Preference && b.Host == l.Host }) {
				all = append(all, l)
			}
		}
	}
	slices.SortFunc(all, func(a, b Lead) int { return cmp.Or(a.Preference-b.Preference, compare(a.Host, b.Host)) })
	return all
}

func preference(records []string, host string) int {
	for _, r := range records {
		if number, of, _ := strings.Cut(r, " "); of == host {
			n, _ := strconv.Atoi(number)
			return n
		}
	}
	return 0
}

// locate keeps the addresses of MX hosts: what those say who count, else what any resolver does, else what was known.
func (h *History) locate(s Snapshot, counted []Said) {
	known := h.Hosts
	h.Hosts = map[string][]string{}
	for _, p := range h.Records[Key{h.Domain, "MX"}].Current() {
		for _, host := range exchangers(h.Domain, p.Values) {
			h.Hosts[host] = known[host]
			if now := addressesOf(host, counted); len(now) > 0 {
				h.Hosts[host] = now
			} else if now := addressesOf(host, s.heard()); len(now) > 0 {
				h.Hosts[host] = now
			}
		}
	}
}

// heard is what everybody says now.
func (s Snapshot) heard() []Said {
	var all []Said
	for _, v := range s.Views {
		all = append(all, Said{Answers: v.Answers})
	}
	return all
}

func addressesOf(host string, said []Said) []string {
	var all []string
	for _, s := range said {
		for _, kind := range []string{"A", "AAAA"} {
			all = append(all, s.Answers[Key{host, kind}].Values...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// next judges where the mail goes now.
func (m MX) next(leads []Lead, now time.Time) MX {
	first := !m.Known
	m.Known, m.Leads = true, leads
	old := m.LeadTo(Old) || m.LeadTo(Ours)
	moved := !old && (m.Old || m.LeadTo(Cloud))
	switch {
	case old && !m.Switched.IsZero():
		m.Back, m.Before, m.Switched, m.AtFirst = now, m.Switched, time.Time{}, false
	case moved && m.Switched.IsZero():
		m.Switched, m.AtFirst, m.Back, m.Before = now, first, time.Time{}, time.Time{}
	}
	m.Old = m.Old || old
	return m
}

// LeadTo reports whether any host is that party's.
func (m MX) LeadTo(p Party) bool {
	return slices.ContainsFunc(m.Leads, func(l Lead) bool { return l.Party == p })
}

func compare(a, b string) int { return strings.Compare(a, b) }
