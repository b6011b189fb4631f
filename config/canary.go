package config

import (
	"slices"
	"time"
)

// Canary is test traffic of our own that must show up in the sources of evidence: one in which it does not is blind. It is never use.
type Canary struct {
	// How often; 0s: never.
	Every time.Duration `toml:"every" default:"0s" min:"0s" max:"7d"`
	// A test that did not show up in a log for so long makes it blind.
	Within time.Duration `toml:"within" default:"10m" min:"1s" max:"1d"`
	// Address on the old server that gets a test mail each time: one that nobody reads. When not given: no test mail.
	To string `toml:"to" as:"address" example:"canary@example.com"`
	// Sender of the test mail, by which the logs' readers know it.
	From string `toml:"from" as:"address" example:"canary@example.com"`
	// Server (side legacy) that gets it by SMTP. When not given: the first that takes mail by SMTP.
	Server string `toml:"server" example:"legacy"`
	// Mailbox whose login is tried on its old server. When not given: no test login.
	Login string `toml:"login" as:"mailbox" example:"anna@example.com"`
	// host:port by which the outside reaches our listener: it is connected to. A connection that comes from this machine's own address proves nothing;
	// one that comes back by the firewall proves that the way is open.
	Listener string `toml:"listener" as:"hostport" example:"mail.example.com:25"`
}

// canary demands what the tests need.
func (c *checker) canary() {
	n := c.cfg.Canary
	if n.Every == 0 {
		return
	}
	if n.To == "" && n.Login == "" && n.Listener == "" {
		c.bad("canary.every", "", "a canary needs to, login or listener: it does nothing")
	}
	if n.Every < n.Within {
		c.bad("canary.every", "", "every is shorter than within: tests would overtake one another")
	}
	c.pair("canary", "to", "from")
	if n.To != "" && c.cfg.CanaryServer() == "" {
		c.bad("canary.to", didYouMean(n.Server, c.cfg.serverNames()), "no server of the side legacy takes the test mail by SMTP")
	}
	if n.Login != "" && !c.blind && !slices.ContainsFunc(c.cfg.Mailboxes, func(m Mailbox) bool { return m.Address == n.Login }) {
		c.bad("canary.login", "", "%q is no mailbox", n.Login)
	}
}

// CanaryServer is the server that gets the test mail; "" if none can.
func (c *Config) CanaryServer() string {
	for _, name := range c.serverNames() {
		s := c.Servers[name]
		if s.Side == Legacy && s.SMTP != "" && (c.Canary.Server == "" || c.Canary.Server == name) {
			return name
		}
	}
	return ""
}
