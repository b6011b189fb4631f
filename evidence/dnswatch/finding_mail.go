package dnswatch

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// exchange tells where the mail is led, and that records were set back.
func exchange(h History, _ Snapshot, _ Who, now time.Time) []Finding {
	m := h.MX
	var all []Finding
	if !m.Back.IsZero() {
		all = append(all, Finding{
			Code: MXBack, Alarm: true, Since: m.Back, Text: fmt.Sprintf("the MX record of %s was switched %s and leads back to the old side: %s", h.Domain, stamp(m.Before), m.show(old)),
			Help: "quiet counts anew from the next switch",
		})
	}
	if m.LeadTo(Cloud) && (m.LeadTo(Old) || m.LeadTo(Ours)) {
		all = append(all, Finding{
			Code: BackupOld, Alarm: true, Text: fmt.Sprintf("some MX records of %s lead to the cloud, others still to the old side: %s", h.Domain, m.show(old)),
			Help: "take them out: whatever their preference, senders use them when the others are slow, and spammers always do",
		})
	}
	if m.LeadTo(Other) {
		all = append(all, Finding{
			Code: MXUnknown, Alarm: true, Text: fmt.Sprintf("whose the MX hosts of %s are is not known: %s", h.Domain, m.show(func(p Party) bool { return p == Other })),
			Help: "dns.old or dns.cloud in the configuration says it",
		})
	}
	if m.AtFirst && !m.Switched.IsZero() {
		all = append(all, Finding{
			Code: SwitchedSome, Text: fmt.Sprintf("the MX record of %s was switched before it was first looked at, %s", h.Domain, stamp(m.Switched)), Help: "verdict.mx_switched says when",
		})
	}
	for _, p := range h.Records[Key{h.Domain, "MX"}].Current() {
		if old := m.LeadTo(Old) || m.LeadTo(Ours); old && p.TTL > lowTTL {
			all = append(all, Finding{Code: HighTTL, Text: fmt.Sprintf("the MX record of %s may be cached for %s", h.Domain, p.TTL), Help: "lower its TTL, to 5 minutes say, that long before the switch"})
			break
		}
	}
	return append(all, setBack(h, now)...)
}

func old(p Party) bool { return p == Old || p == Ours }

// show lists the hosts of some parties: 20 mail.example.com (old).
func (m MX) show(of func(Party) bool) string {
	var all []string
	for _, l := range m.Leads {
		if of(l.Party) {
			all = append(all, fmt.Sprintf("%d %s (%s)", l.Preference, l.Host, l.Party))
		}
	}
	return strings.Join(all, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format("2 Jan 15:04") }

// setBack are records that were changed and are again what they were, for a day. That of MX that leads to the old side is told for as long as it does.
func setBack(h History, now time.Time) []Finding {
	var all []Finding
	for _, c := range h.Changes {
		if !c.Back || now.Sub(c.At) > 24*time.Hour || c.Key.Type == "MX" && !h.MX.Back.IsZero() || h.Records[c.Key].open(c.To) < 0 {
			continue
		}
		all = append(all, Finding{Code: SetBack, Alarm: true, Since: c.At, Text: fmt.Sprintf("%s was set back: %s, was %s", c.Key, list(c.To), list(c.From)), Help: "see who did it"})
	}
	return all
}

// lingering tells until when former answers may lie in caches. What only concerns a host that is none any more concerns nobody.
func lingering(h History, _ Snapshot, _ Who, now time.Time) []Finding {
	var all []Finding
	keys := map[Key]bool{}
	for key := range h.Records {
		keys[key] = len(h.Records[key].Current()) > 0
	}
	for _, key := range sorted(keys) {
		until := h.Records[key].Lingers(now)
		if until.IsZero() || !keys[key] {
			continue
		}
		all = append(all, Finding{Code: Cached, Text: fmt.Sprintf("a former answer for %s may lie in caches until %s UTC", key, stamp(until)), Help: "some caches keep it longer than they may"})
	}
	return all
}

// behind tells of resolvers that still have a former MX record.
func behind(h History, s Snapshot, _ Who, _ time.Time) []Finding {
	mx := Key{h.Domain, "MX"}
	var all []Finding
	for _, v := range s.Views {
		a, ok := v.Answers[mx]
		if v.Authoritative || v.Err != "" || !ok || a.Err != "" || h.Records[mx].open(a.Values) >= 0 || len(h.Records[mx].Spells) == 0 {
			continue
		}
		all = append(all, Finding{Code: Behind, Text: fmt.Sprintf("resolver %s still says %s is %s, for %s", v.Server, mx, list(a.Values), a.TTL)})
	}
	return all
}

// vouching tells of what must follow the MX record: policy, autodiscover, SPF.
func vouching(h History, s Snapshot, who Who, _ time.Time) []Finding {
	var all []Finding
	p := s.Policy
	switch {
	case p.Err != "":
		all = append(all, Finding{Code: NoPolicy, Text: fmt.Sprintf("the MTA-STS policy of %s cannot be had: %s", h.Domain, p.Err), Help: "publish it, or take the TXT record out"})
	case len(p.Unlisted) > 0 && p.Mode != "none":
		all = append(all, Finding{
			Code: Unlisted, Alarm: p.Mode == "enforce", Text: fmt.Sprintf("the MTA-STS policy of %s (%s) does not list %s", h.Domain, p.Mode, strings.Join(p.Unlisted, ", ")),
			Help: "list old and new hosts, give the TXT record a new id, and wait for the policy's max_age before the switch: who has the old one does not deliver",
		})
	}
	if h.MX.Switched.IsZero() {
		return all
	}
	for _, key := range autodiscoverKeys(h.Domain) {
		for _, record := range h.Records[key].Current() {
			if slices.ContainsFunc(record.Values, func(v string) bool { return old(who.target(v)) }) {
				all = append(all, Finding{Code: Autodiscover, Alarm: true, Text: fmt.Sprintf("%s still leads to the old side: %s", key, list(record.Values)), Help: "programs are told to log in there; let it lead to the cloud"})
			}
		}
	}
	return append(all, unvouched(h)...)
}

// target tells whose a record's host or address is.
func (w Who) target(record string) Party {
	last := record[strings.LastIndexByte(record, ' ')+1:]
	return w.Of(last, []string{last})
}

// vouchers are what the SPF record of a domain must include, by its MX host.
var vouchers = []struct{ host, include string }{
	{".mail.protection.outlook.com", "spf.protection.outlook.com"},
	{".mx.microsoft", "spf.protection.outlook.com"},
	{".google.com", "_spf.google.com"},
}

func unvouched(h History) []Finding {
	for _, l := range h.MX.Leads {
		for _, v := range vouchers {
			if !strings.HasSuffix(l.Host, v.host) {
				continue
			}
			for _, p := range h.Records[spfKey(h.Domain)].Current() {
				if !strings.Contains(strings.ToLower(strings.Join(p.Values, " ")), "include:"+v.include) {
					return []Finding{{Code: NotVouched, Text: "SPF of " + h.Domain + " lacks include:" + v.include, Help: "without it mail sent from the cloud may be refused"}}
				}
			}
		}
	}
	return nil
}
