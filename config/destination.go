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
	Where string // Home or a Side
	Via   string // ViaSMTP or ViaMailbox
}

// String is the destination as the file writes it.
func (d Destination) String() string {
	if d.Via == "" {
		return d.Where
	}
	return d.Where + ":" + d.Via
}

// parseDestination takes anything apart; whether the parts make sense is checked with all the rest.
func parseDestination(s string) (Destination, error) {
	where, via, _ := strings.Cut(s, ":")
	return Destination{where, via}, nil
}
