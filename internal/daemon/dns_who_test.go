package daemon

import (
	"net/netip"
	"slices"
	"testing"

	"posthouse/config"
	"posthouse/evidence/dnswatch"
)

// Whose an MX host is, by servers, listeners and what [dns] adds. We may have taken the old server's place: then its name and ours are one.
func TestWhoseMXHostsAre(t *testing.T) {
	d := &Daemon{cfg: &config.Config{
		DNS: config.DNS{Old: []string{"gw.example.com", "203.0.113.0/28"}, Cloud: []string{"*.filter.example"}},
		Servers: map[string]config.Server{
			"legacy": {Side: config.Legacy, IMAP: "Exch01.example.com:993", SMTP: "127.0.0.1:2525"},
			"gmail":  {Side: config.Legacy, IMAP: "imap.gmail.com:993"},
			"cloud":  {Side: config.Cloud, IMAP: "outlook.office365.com:993", SMTP: "example-com.mail.protection.outlook.com:25"},
			"byMX":   {Side: config.Cloud, SMTP: "mx:mx.new.example"},
		},
		Listeners: map[string]config.Listener{
			"mx":      {Role: config.RoleMX, Hostname: "Posthouse.example.com", LegacyAddresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")}, CloudAddresses: []netip.Prefix{netip.MustParsePrefix("40.92.0.0/15")}},
			"devices": {Role: config.RoleDevices, Hostname: "printers.example.com"},
		},
	}}
	who := d.who()
	for _, c := range []struct {
		host      string
		addresses []string
		want      dnswatch.Party
	}{
		{"example-com.mail.protection.outlook.com", nil, dnswatch.Cloud},
		{"other.mail.protection.outlook.com", nil, dnswatch.Cloud},
		{"example-com.a-v1.mx.microsoft", nil, dnswatch.Cloud},
		{"a.mx.new.example", nil, dnswatch.Cloud},
		{"in1.filter.example", nil, dnswatch.Cloud},
		{"filter.example", nil, dnswatch.Other},
		{"mx.example.com", []string{"40.93.1.1"}, dnswatch.Cloud},
		{"posthouse.example.com", nil, dnswatch.Ours},
		{"printers.example.com", nil, dnswatch.Other},
		{"exch01.example.com", nil, dnswatch.Old},
		{"aspmx.l.google.com", nil, dnswatch.Old},
		{"gw.example.com", nil, dnswatch.Old},
		{"mail.example.com", []string{"203.0.113.5"}, dnswatch.Old},
		{"mail.example.com", []string{"198.51.100.7"}, dnswatch.Old},
		{"mail.example.com", []string{"127.0.0.1", "203.0.113.99"}, dnswatch.Other},
		{"mail.example.com", nil, dnswatch.Other},
	} {
		if got := who.Of(c.host, c.addresses); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.host, c.addresses, got, c.want)
		}
	}
	if own := thisMachine(); len(own) > 0 {
		if got := who.Of("exch01.example.com", []string{own[0].Addr().String()}); got != dnswatch.Ours {
			t.Errorf("the old server's name at our address: %s", got)
		}
	}
	if got := selectors(d.cfg); !slices.Equal(got, []string{"selector1", "selector2"}) {
		t.Errorf("%q", got)
	}
}
