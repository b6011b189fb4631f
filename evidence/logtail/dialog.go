package logtail

import (
	"net/netip"
	"strings"
	"time"
)

// dialog is a session of which the log shows commands and replies, as far as it tells of use: whose login succeeded, which message was taken. It is a plain value
// that survives a restart.
type dialog struct {
	At         time.Time  `json:"at"` // of its last line
	Service    string     `json:"service"`
	Client     netip.Addr `json:"client,omitzero"`
	Name       string     `json:"name,omitempty"`      // as which the client greets
	User       string     `json:"user,omitempty"`      // authenticated
	Authentic  bool       `json:"authentic,omitempty"` // perhaps without a name that the log shows
	Tried      string     `json:"tried,omitempty"`     // as whom the client tries to authenticate
	From       string     `json:"from,omitempty"`
	Awaits     string     `json:"awaits,omitempty"` // what the next reply answers: a verb, or IMAP's tag
	Submission bool       `json:"submission,omitempty"`
}

// What a reply may answer besides a plain verb.
const (
	awaitsAuth = "AUTH" // login, or a step of it
	awaitsBody = "BODY" // a message that was sent
)

// mail is the message that was just taken.
func (d *dialog) mail(at time.Time, id string) mail {
	m := mail{At: at, Client: d.Client, User: d.User, Submission: d.Submission || d.Authentic, Message: id}
	if isHostName(d.Name) {
		m.Name = d.Name
	}
	return m
}

// isHostName tells a name in a greeting that may name a sending system: not a word, and not an address.
func isHostName(name string) bool {
	if !strings.Contains(name, ".") || strings.ContainsAny(name, "[] :/\\<>") {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// client is who is logged in: where the log does not name him, the address.
func (d *dialog) client() client {
	user := d.User
	if user == "" && d.Client.IsValid() {
		user = d.Client.String()
	}
	return client{service: d.Service, user: user, addr: d.Client}
}
