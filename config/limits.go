package config

import (
	"fmt"
	"net/netip"
	"time"
)

// How a listener meets those who speak before they are greeted.
const (
	EarlyRefuse = "refuse"
	EarlyTake   = "take"
)

// Limits are what one client may take of a listener's time and patience.
type Limits struct {
	// Most connections of one network (IPv4 /24, IPv6 /48) at one time; no fewer than max_connections_per_client.
	MaxConnectionsPerNetwork int `toml:"max_connections_per_network" default:"100" min:"1" max:"100000"`
	// Most errors of a session. Then it is told 421, as with the next three.
	MaxErrors int `toml:"max_errors" default:"20" min:"1" max:"10000"`
	// Most commands of a session since its last message, other than those that make one.
	MaxCommands int `toml:"max_commands" default:"100" min:"10" max:"100000"`
	// Most recipients of a session that were not accepted.
	MaxRefused int `toml:"max_refused_recipients" default:"100" min:"1" max:"100000"`
	// Most accepted recipients of a session, of all its messages; the message in which they are reached may end.
	MaxAccepted int `toml:"max_accepted_recipients" default:"10000" min:"100" max:"10000000"`
	// Longest session; a transaction that is open then may end.
	SessionTime time.Duration `toml:"session_time" default:"6h" min:"1m" max:"7d"`
	// Longest time from MAIL to the end of a message.
	MessageTime time.Duration `toml:"message_time" default:"2h" min:"1m" max:"24h"`
	// Octets a second that a body has to bring at least, while it is waited for, over each data_timeout. 0B: none.
	MinDataRate Size `toml:"min_data_rate" default:"500B" min:"0B" max:"1MB"`
	// Errors and refused recipients since a session's last message after which replies to more of them come later and later, up to 10 seconds. 0: never.
	TarpitAfter int `toml:"tarpit_after" default:"10" min:"0" max:"10000"`
	// refuse: clients that speak before they are greeted are told 421. take: they are not looked for. When not given: refuse for the role mx, else take.
	EarlyTalkers string `toml:"early_talkers" as:"refuse|take" example:"refuse"`
	// How long the greeting waits for early talkers. With 0s those who spoke by the time they were accepted are found, and nobody waits.
	GreetPause time.Duration `toml:"greet_pause" default:"0s" min:"0s" max:"1m"`
	// Networks without any of these limits, nor that of connections per client. Sizes, time-outs and max_connections are for all.
	Trusted []netip.Prefix `toml:"trusted" example:"10.0.0.10"`
}

func (c *checker) limits(path string, l *Listener) {
	if l.Limits.EarlyTalkers == "" {
		l.Limits.EarlyTalkers = EarlyTake
		if l.Role == RoleMX {
			l.Limits.EarlyTalkers = EarlyRefuse
		}
	}
	if l.Limits.GreetPause > 0 && l.Limits.EarlyTalkers == EarlyTake {
		c.bad(path+".limits.greet_pause", "", `greet_pause needs early_talkers = "refuse"`)
	}
	for i, p := range l.ProxyFrom {
		if tooWide(p) {
			c.bad(fmt.Sprintf("%s.proxy_from[%d]", path, i), "name the proxies' own addresses", "whoever is in %s could pass for anybody", p)
		}
	}
}
