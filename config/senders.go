package config

import "slices"

// What a listener does about the senders of its mail.
const (
	ChecksOff    = "off"
	ChecksRecord = "record"
	ChecksAdd    = "add"

	RejectSPF   = "spf"
	RejectDMARC = "dmarc"
	RejectDNSBL = "dnsbl"
)

// Senders is what is found out about senders.
type Senders struct {
	// record: SPF, DKIM and DMARC are asked of DNS after each message was taken, for trace and the verdict; no client waits for it. add: besides, they
	// go out as Authentication-Results, and deliveries wait for that, 15 s at most. off: nothing is asked.
	Checks string `toml:"checks" default:"record" as:"off|record|add"`
	// Lists of addresses that send spam (DNSBL), which are asked about clients. Most must be paid for, and many do not answer public resolvers.
	DNSBL []string `toml:"dnsbl" as:"domain" example:"dnsbl.example"`
	// What is refused: spf (fails, and the domain says -all), dmarc (fails, and the domain asks for it), dnsbl (on a list of dnsbl). Clients
	// wait for these checks, and what is not known in time is taken; so is mail for postmaster, always. When not given: nothing.
	Reject []string `toml:"reject" as:"spf|dmarc|dnsbl" example:"dmarc, dnsbl"`
}

func (c *checker) senders(path string, l Listener) {
	s := l.Senders
	path += ".senders"
	switch {
	case l.Role != "" && l.Role != RoleMX && c.given(path):
		c.bad(path, "", "senders is only for the role mx: nobody publishes who its devices are")
	case slices.Contains(s.Reject, RejectDNSBL) && len(s.DNSBL) == 0:
		c.bad(path+".reject", `for example dnsbl = ["dnsbl.example"]`, "to reject by dnsbl, dnsbl must name a list")
	case s.Checks == ChecksOff && len(s.DNSBL) > 0 && !slices.Contains(s.Reject, RejectDNSBL):
		c.warning(path+".dnsbl", "", `dnsbl is not used with checks = "off", unless reject names it`)
	}
}
