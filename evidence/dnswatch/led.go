package dnswatch

import "posthouse/evidence"

// Led is where a domain's mail goes that does not go to the cloud, as the verdict knows it: to the old side, or to hosts of which nobody knows whose they are. A domain without an MX record is led to the
// host of its own name (RFC 5321 §5.1).
func (h History) Led() (all []evidence.Led) {
	one, strange := evidence.Led{Domain: h.Domain, Since: h.MX.Back}, evidence.Led{Domain: h.Domain, Unknown: true}
	for _, l := range h.MX.Leads {
		switch l.Party {
		case Old, Ours:
			one.Hosts = append(one.Hosts, l.Host)
			one.Server = one.Server || l.Party == Old
		case Other:
			strange.Hosts = append(strange.Hosts, l.Host)
		}
	}
	for _, l := range []evidence.Led{one, strange} {
		if len(l.Hosts) > 0 {
			all = append(all, l)
		}
	}
	return all
}
