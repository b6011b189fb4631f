package logtail

import (
	"net/netip"
	"strings"
)

// monitors are the beginnings of the names as which Exchange tests itself: its health mailboxes, the probes of managed availability, Test-* cmdlets.
var monitors = []string{"healthmailbox", "extest_", "inboundproxy@", "maildeliveryprobe@", "systemmailbox{", reporter}

// reporter is how Exchange calls itself where it tells what became of a message.
const reporter = "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@"

// isMonitor tells whether a user or a sender is Exchange itself: a monitor, or the account of a server (its name ends in a dollar sign).
func isMonitor(name string) bool {
	name = withoutDomain(name)
	if strings.HasSuffix(name, "$") || strings.EqualFold(name, "SYSTEM") {
		return true
	}
	for _, m := range monitors {
		if len(name) >= len(m) && strings.EqualFold(name[:len(m)], m) {
			return true
		}
	}
	return false
}

// withoutDomain is anna of CONTOSO\anna.
func withoutDomain(user string) string { return user[strings.LastIndexByte(user, '\\')+1:] }

// endpoint reads an address with a port, or without one: 192.0.2.1:25, [2001:db8::1]:25, fe80::1%5.
func endpoint(text string) netip.Addr {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Unmap().WithZone("")
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a.Addr().Unmap().WithZone("")
	}
	if port := strings.LastIndexByte(text, ':'); port > 0 { // 2001:db8::1:25 of old versions cannot be told apart; [::1] without a port can
		text = text[:port]
	}
	a, _ := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone("")
}

// domainOf is the part of an address behind the @, "" if it has none.
func domainOf(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return address[at+1:]
	}
	return ""
}

// firstAddress reads the first of a list of addresses: the client, before the proxies that it came by.
func firstAddress(list string) netip.Addr {
	first, _, _ := strings.Cut(list, ",")
	return endpoint(strings.TrimSpace(first))
}
