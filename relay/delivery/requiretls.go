package delivery

// requireTLS is the extension of RFC 8689: the message goes by verified TLS
// alone, and only to who does the same with it.
const requireTLS = "REQUIRETLS"

// proven reports whether TLS proves that the session is with the next hop that
// was meant (RFC 8689 §4.2.1). The certificate of a host that DNS alone has
// named proves nothing, unless DANE or MTA-STS vouches for the name.
func (c *conn) proven() bool {
	t := c.dest.TLS
	switch {
	case c.cleartext():
		return false
	case len(t.Fingerprints) > 0:
		return true
	case c.host.Demand.By != "":
		return !c.host.Demand.Unverified
	case c.host.Name != "" && t.ServerName == "":
		return false
	}
	return t.Mode != Opportunistic && !t.SkipVerify
}

// believed are the extensions offered without REQUIRETLS, where whoever offers
// it is not known to be the next hop.
func (c *conn) believed(offered extensions) extensions {
	if !c.proven() {
		delete(offered, requireTLS)
	}
	return offered
}
