package listener

import (
	"net/netip"
	"slices"
	"time"
)

// Limits are what a client may take of the server's time and room, and of its patience. Zero numbers and durations stand for the defaults
// named beside them. They are counted per session unless said otherwise.
type Limits struct {
	MaxConnections int // at one time; default 200
	MaxPerClient   int // at one time from one IPv4 address or IPv6 /64; default 20
	MaxPerNetwork  int // at one time from one IPv4 /24 or IPv6 /48; default 100

	MaxErrors   int // replies 4xx and 5xx other than to RCPT; default 20
	MaxRefused  int // RCPTs not accepted; default 100
	MaxAccepted int // RCPTs accepted, in all messages; the one in which they are reached may end; default 10,000
	MaxCommands int // commands other than MAIL, RCPT, DATA, BDAT since the last message; default 100

	SessionTimeout time.Duration // longest stay; a transaction that is open then may end; default 6 h
	MinDataRate    int64         // octets a second of a body, while we wait for it, averaged over DataTimeout; default 500, negative: none

	// TarpitAfter is the number of errors and refused RCPTs since the last message after which replies to more of them come late, each
	// later than the one before. Default 10, negative: never.
	TarpitAfter int

	// NoEarlyTalkers lets those who speak before the greeting go with a 421. GreetPause is how long the greeting waits for them; without one
	// only what has come by then is seen, which costs nobody time.
	NoEarlyTalkers bool
	GreetPause     time.Duration

	// Trusted networks are exempt from all limits but MaxConnections and the sizes and waits of Config.
	Trusted []netip.Prefix
	// Shared tells whether many clients hide behind an address: those of MaxPerClient and MaxPerNetwork are then not counted. May be nil.
	Shared func(netip.Addr) bool
	// ProxyFrom are networks of proxies: each connection from there begins with a header of the PROXY protocol that names the client, or it
	// is closed. From others none is read.
	ProxyFrom []netip.Prefix
}

func (l *Limits) setDefaults() {
	setDefault(&l.MaxConnections, 200)
	setDefault(&l.MaxPerClient, 20)
	setDefault(&l.MaxPerNetwork, 100)
	setDefault(&l.MaxErrors, 20)
	setDefault(&l.MaxRefused, 100)
	setDefault(&l.MaxAccepted, 10_000)
	setDefault(&l.MaxCommands, 100)
	setDefault(&l.SessionTimeout, 6*time.Hour)
	setDefault(&l.MinDataRate, 500)
	setDefault(&l.TarpitAfter, 10)
}

func (l *Limits) trusts(a netip.Addr) bool { return within(l.Trusted, a) }

func within(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a.WithZone("")) })
}
