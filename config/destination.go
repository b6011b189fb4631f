package config

import "strings"

// The ways out of a destination.
const (
	ViaSMTP    = "smtp"
	ViaMailbox = "mailbox"
)

// Home is the Destination.Where that means: the side where the mailbox's owner reads now.
const Home = "home"

// Destination is one way out of a route.
type Destination struct {
	Where string // Home, a Side, or the name of a server
	Via   string // ViaSMTP or ViaMailbox
}

// String is the destination as the file writes it.
func (d Destination) String() string {
	if d.Via == "" {
		return d.Where
	}
	return d.Where + ":" + d.Via
}

// parseDestination takes anything apart; what the parts may be depends on the servers, which are known
// only when the whole file was read.
func parseDestination(s string) (Destination, error) {
	where, via, _ := strings.Cut(s, ":")
	return Destination{where, via}, nil
}
