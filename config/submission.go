package config

import (
	"maps"
	"slices"
	"strings"
)

// RoleSubmission is for mail of users, who log in: route submission.
const RoleSubmission Role = "submission"

// How the old server is asked for a password.
const (
	AskIMAP = "imap"
	AskSMTP = "smtp"
)

// Submission is how users send, by listeners of role submission.
type Submission struct {
	// The server that knows the passwords: one of [servers]. When not given: the only one of side legacy.
	Server string `toml:"server" example:"legacy"`
	// imap: by a login at its imap address, secured by its imap_tls. smtp: by AUTH at the address below. When not given: imap if the server
	// has imap, else smtp.
	Ask string `toml:"ask" as:"imap|smtp" example:"imap"`
	// Where the server takes mail of users, as host:port. Only for ask = "smtp".
	SMTP string `toml:"smtp" as:"hostport" example:"exch01.example.com:587"`
	// starttls (port 587), implicit (port 465) or none.
	SMTPTLS TLS `toml:"smtp_tls" default:"starttls" as:"implicit|starttls|none"`
	// Questions to it at one time; others wait.
	AtOnce int `toml:"at_once" default:"8" min:"1" max:"1000"`

	// True: what users send as themselves is put into the Sent folder of their cloud mailbox, after two minutes and only if no copy lies there: most
	// programs put one into the old one themselves, and it comes over.
	SentCopy bool `toml:"sent_copy" mode:"live" default:"false"`
	// Further addresses that a mailbox's owner sends as, beside its own and its aliases: by mailbox. @example.net is every address there.
	SendAs map[string][]string `toml:"send_as" mode:"live" as:"sender" keys:"mailbox" example:"anna@example.com = news@example.com, @example.net"`
}

// checkSender wants an address, or @domain.
func checkSender(text string) (string, *fault) {
	if strings.HasPrefix(text, "@") {
		return checkAtDomain(text)
	}
	return checkAddress(text)
}

// submission fills in who is asked, and demands that there is somebody where users log in.
func (c *checker) submission() {
	s := &c.cfg.Submission
	if s.Server == "" {
		if legacy := c.cfg.serversOf(Legacy); len(legacy) == 1 {
			s.Server = legacy[0]
		}
	}
	server, known := c.cfg.Servers[s.Server]
	if s.Ask == "" {
		s.Ask = AskSMTP
		if server.IMAP != "" {
			s.Ask = AskIMAP
		}
	}
	switch {
	case s.Server != "" && !known:
		c.bad("submission.server", didYouMean(s.Server, c.cfg.serverNames()), "there is no [servers.%s]", s.Server)
	case s.Ask == AskSMTP && s.SMTP != "":
		c.plaintext("submission.smtp_tls", s.SMTP, s.SMTPTLS, server.InsecurePlaintext)
	}
	c.sendAs()
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Listeners)) {
		if c.cfg.Listeners[name].Role == RoleSubmission {
			c.submits("listeners."+name, c.cfg.Listeners[name])
		}
	}
}

// submits: passwords come inside TLS only, and somebody must know them.
func (c *checker) submits(path string, l Listener) {
	s := c.cfg.Submission
	server := c.cfg.Servers[s.Server]
	if l.TLS == TLSNone {
		c.bad(path+".tls", "", "users log in inside TLS only: say starttls or implicit")
	} else if !c.given(path + ".tls_cert") {
		c.warning(path, "name a certificate that they trust: tls_cert, tls_key", "users' programs will not trust the certificate that posthouse signs for [%s] itself", path)
	}
	switch {
	case s.Server == "":
		c.bad(path, "say server = NAME in [submission]", "nobody knows the users' passwords")
	case s.Ask == AskIMAP && server.IMAP == "":
		c.bad("submission.ask", "", "[servers.%s] has no imap", s.Server)
	case s.Ask == AskSMTP && s.SMTP == "":
		c.bad(path, "say smtp = HOST:587 in [submission]", "nobody knows the users' passwords: [servers.%s] has no imap", s.Server)
	}
}

func (c *checker) sendAs() {
	var mailboxes []string
	for _, m := range c.cfg.Mailboxes {
		mailboxes = append(mailboxes, m.Address)
	}
	for _, address := range slices.Sorted(maps.Keys(c.cfg.Submission.SendAs)) {
		if !c.blind && !slices.Contains(mailboxes, address) {
			c.badKey("submission.send_as."+address, didYouMean(address, mailboxes), "%q is no mailbox", address)
		}
	}
}
