package relay

import (
	"fmt"
	"strings"
	"time"

	"posthouse/cutover"
)

// prefix is what we prepend: the Received field (RFC 5321 §4.4) with the true client, and our trace. Nothing else of a message changes.
func prefix(p Peer, id cutover.CaptureID, trace cutover.Trace, only cutover.Address, at time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from %s ([%s])", orUnknown(p.Client.Name), received(p.Client.Addr))
	if p.Client.TLS != "" {
		fmt.Fprintf(&b, " (using %s)", p.Client.TLS)
	}
	fmt.Fprintf(&b, "\r\n\tby %s (posthouse) with %s id %s", p.Hostname, p.Protocol, id)
	if only != "" {
		fmt.Fprintf(&b, "\r\n\tfor <%s>", only)
	}
	fmt.Fprintf(&b, ";\r\n\t%s\r\n", at.UTC().Format(time.RFC1123Z))
	fmt.Fprintf(&b, "%s: %s\r\n", cutover.TraceField, trace)
	return []byte(b.String())
}

// received writes an address as RFC 5321 §4.1.3 address literals do.
func received(addr string) string {
	if strings.Contains(addr, ":") {
		return "IPv6:" + addr
	}
	return addr
}

func orUnknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}
