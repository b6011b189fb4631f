package dnswatch

import "strings"

func spfKey(domain string) Key { return Key{domain, "TXT"} }
func stsKey(domain string) Key { return Key{"_mta-sts." + domain, "TXT"} }

// autodiscoverKeys are how Outlook and phones find their server.
func autodiscoverKeys(domain string) []Key {
	return []Key{{"autodiscover." + domain, "A"}, {"_autodiscover._tcp." + domain, "SRV"}}
}

// questions are everything that is watched of a domain besides its MX records.
func (w *Watcher) questions(domain string, exchangers []string) []Key {
	var all []Key
	for _, host := range exchangers {
		all = append(all, Key{host, "A"}, Key{host, "AAAA"}, Key{"_25._tcp." + host, "TLSA"})
	}
	all = append(all, spfKey(domain), Key{"_dmarc." + domain, "TXT"}, stsKey(domain))
	all = append(all, autodiscoverKeys(domain)...)
	for _, selector := range w.cfg.Selectors {
		all = append(all, Key{selector + "._domainkey." + domain, "TXT"})
	}
	return all
}

// concerns tells a text of the key's kind from the others that may stand beside it.
func (k Key) concerns(text string) bool {
	version := map[string]string{"SPF": "v=spf1", "DMARC": "v=dmarc1", "MTA-STS": "v=stsv1"}[k.Kind()]
	return strings.HasPrefix(strings.ToLower(text), version)
}

// within reports whether a name lies in a zone.
func within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }
