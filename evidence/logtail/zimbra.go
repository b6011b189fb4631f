package logtail

import (
	"net/netip"
	"strings"

	"posthouse/evidence"
)

// isZimbra tells whether a line without host and tag is of audit.log: INFO  [Pop3SSLServer-12505] [ip=192.0.2.7;] security - cmd=Auth; account=…
func isZimbra(text string) bool {
	level, rest, _ := strings.Cut(text, " ")
	switch level {
	case "DEBUG", "INFO", "WARN", "ERROR", "FATAL":
		return strings.HasPrefix(strings.TrimLeft(rest, " "), "[") && strings.Contains(rest, " security - ")
	}
	return false
}

// parseZimbra reads a line of Zimbra's audit.log: who logged in, by which protocol. What ends the sessions is not told; its mail transport is Postfix.
func parseZimbra(h header, s *State, event *Event) Result {
	where, what, ok := strings.Cut(h.text, " security - ")
	level, _, _ := strings.Cut(h.text, " ")
	what = " " + what
	switch cmd := zimbraField(what, " cmd="); {
	case !ok || cmd == "":
		return Unparsed
	case level != "INFO" || strings.Contains(what, "; error="):
		return Known // refused
	case cmd != "Auth" && cmd != "PreAuth" && cmd != "ExternalUserAuth":
		return Known // administration, also by the server's own programs
	}
	account := zimbraField(what, " account=")
	if account == "" {
		return Unparsed
	}
	protocol := zimbraField(what, " protocol=")
	if asked := zimbraAsked(where); asked != "" { // by a service of its own that speaks with the client
		protocol = asked
	}
	if protocol == "" {
		protocol = "web"
	}
	l := session{at: event.At, channel: evidence.Login, user: strings.Clone(account), client: zimbraClient(where), detail: strings.ToUpper(protocol)}
	if strings.HasPrefix(protocol, "smtp") {
		l.channel = evidence.Sending
	}
	return s.moment(l, event)
}

// zimbraField reads " key=value;".
func zimbraField(text, key string) string {
	start := strings.Index(text, key)
	if start < 0 {
		return ""
	}
	value, _, _ := strings.Cut(text[start+len(key):], ";")
	return strings.TrimSpace(value)
}

// zimbraAsked is the protocol by which a client came to the service that asks on its behalf: oproto=smtp.
func zimbraAsked(where string) string { return zimbraField(where, ";oproto=") }

// zimbraClient reads the client's address: behind a proxy oip= is the one that came there, perhaps with the proxies it passed before; ip= is the proxy's.
func zimbraClient(where string) netip.Addr {
	for _, key := range []string{"[oip=", ";oip=", "[ip=", ";ip="} {
		for _, address := range strings.Split(zimbraField(where, key), ",") {
			if client, err := netip.ParseAddr(strings.TrimSpace(address)); err == nil {
				return client.Unmap()
			}
		}
	}
	return netip.Addr{}
}
