package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Led is a domain whose mail is still led to the old side by its MX records, or nobody knows where.
type Led struct {
	Domain  string    `json:"domain"`
	Hosts   []string  `json:"hosts"`             // those of the old side, ours or the old server's own; those that nobody knows
	Server  bool      `json:"server"`            // to the old server itself: mail comes to its mailboxes past our listeners
	Unknown bool      `json:"unknown,omitempty"` // whose the hosts are is not known; without hosts: no server tells of any
	Since   time.Time `json:"since,omitzero"`    // when it was found to lead back, after it was switched; when it was last known where it leads
}

// led lists the domains whose mail goes where the verdict would have nobody listen, as far as is known.
func (j *judgement) led() []Reason {
	var reasons []Reason
	for _, l := range j.t.work.Led {
		if l.Server || j.LedToUs {
			text, help := l.words()
			reasons = append(reasons, Reason{Code: MXRecord, Senders: []string{l.Domain}, Since: l.Since, Text: text, Help: help})
		}
	}
	return reasons
}

func (l Led) words() (text, help string) {
	hosts := strings.Join(l.Hosts, ", ")
	switch {
	case l.Unknown && hosts == "":
		return fmt.Sprintf("where the mail of %s is led is not known: no DNS server tells", l.Domain), "see whether DNS can be asked from here (posthouse dns; dns.resolvers), or say dns.watch = false"
	case l.Unknown:
		return fmt.Sprintf("whose the MX hosts of %s are is not known: %s", l.Domain, hosts), "say it by dns.cloud or dns.old"
	case l.Server:
		return fmt.Sprintf("the MX record of %s leads to the old server: %s", l.Domain, hosts), "switch it to the cloud; posthouse dns shows it"
	}
	return fmt.Sprintf("the MX record of %s leads to our listeners: %s", l.Domain, hosts), "switch it to the cloud; posthouse dns shows it"
}

func cloneLed(all []Led) []Led {
	all = slices.Clone(all)
	for i := range all {
		all[i].Hosts = slices.Clone(all[i].Hosts)
	}
	return all
}
