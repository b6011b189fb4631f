package evidence

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// SystemOf names who did what was observed, so that all that he does in the same way gets one name, and what he does in another way another: mail through a
// newsletter service that follows the DNS says nothing of the merchandise system in the cellar.
//
// Who logs in, and whoever is known by name when he sends, is that name. Mail from outside is named by the organisation (the registrable domain of the envelope
// sender) and its sending system: one of its own by its host name, in which numbers do not count (mx*.supplier.example); another's by that one's domain (supplier.example
// via outlook.com); one that gives no host name by its network. It is "" for what names nobody, such as the growth of a mailbox.
func SystemOf(o Observation) string {
	if o.Channel != Arriving {
		return keyOf(o).Sender
	}
	host, home := hostOf(o.Sender)
	_, organisation := hostOf(o.From[strings.LastIndexByte(o.From, '@')+1:])
	switch {
	case host == "":
		host = networkOf(o.Client)
	case organisation == "" || organisation == home:
		return numberless(host)
	default:
		host = home
	}
	if organisation == "" || host == "" {
		return organisation + host
	}
	return organisation + " via " + host
}

// OrganisationOf is the registrable domain in the name of a system, "" where it has none.
func OrganisationOf(system string) string {
	name, _, _ := strings.Cut(system, " via ")
	_, organisation := hostOf(name)
	return organisation
}

// hostOf is a host name in lower case and its registrable domain; both are "" for what is no name in the public DNS.
func hostOf(name string) (host, domain string) {
	host = strings.TrimSuffix(strings.ToLower(name), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || strings.ContainsAny(host, "@[]:/ ") {
		return "", ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil || strings.HasSuffix(domain, ".local") || strings.HasSuffix(domain, ".localdomain") {
		return "", ""
	}
	return host, domain
}

// numberless puts a * in place of each number in the labels before the registrable domain: those of one pool have one name.
func numberless(host string) string {
	_, domain := hostOf(host)
	label := strings.TrimSuffix(host, domain)
	var b strings.Builder
	for i, r := range label {
		switch digit := r >= '0' && r <= '9'; {
		case !digit:
			b.WriteRune(r)
		case i == 0 || label[i-1] < '0' || label[i-1] > '9':
			b.WriteByte('*')
		}
	}
	return b.String() + domain
}

func networkOf(client netip.Addr) string {
	client = client.Unmap()
	if !client.IsValid() {
		return ""
	}
	bits := 48
	if client.Is4() {
		bits = 24
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}
