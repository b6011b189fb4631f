package config

import "time"

// Config is one cutover, as its file describes it, with every default filled in.
type Config struct {
	// Name of the organisation: stands on the status, and under what senders and users are told.
	Organisation string `toml:"organisation" mode:"live" example:"Example Ltd"`

	// Folder of everything posthouse knows about this cutover. One running posthouse per folder.
	State string `toml:"state" default:"/var/lib/posthouse" as:"path"`

	// The domains that move. Mail for any other domain is refused. The first completes addresses without a domain.
	Domains []string `toml:"domains" mode:"live" as:"domain" example:"example.com, example.net" need:"yes"`

	// One line per mailbox: addresses, server and login on each side, home, wave.
	// Columns: address, aliases, kind, legacy_server, legacy_login, legacy_password, cloud_server,
	// cloud_login, cloud_password, home, wave. Microsoft's (EmailAddress,UserName,Password) and
	// imapsync's (host1;user1;password1;host2;user2;password2) columns are taken as they are.
	MailboxesFile string `toml:"mailboxes" mode:"live" default:"mailboxes.csv" as:"path"`

	// Domains that mean another one: mail for anna@old.example is mail for anna@example.com.
	AliasDomains map[string]string `toml:"alias_domains" mode:"live" as:"domain" keys:"domain" example:"old.example = example.com"`

	// Which addresses exist, beyond those of the mailboxes.
	Recipients Recipients `toml:"recipients"`

	// The servers of both sides. Name them as you like; "legacy" and "cloud" are good names for one each.
	Servers map[string]Server `toml:"servers"`

	// Where mail is taken. Each listener has one role, which is also the route of what it takes.
	Listeners map[string]Listener `toml:"listeners"`

	// How users send, who log in at a listener of role submission.
	Submission Submission `toml:"submission"`

	// Where mail goes, by the route it came.
	Routes Routes `toml:"routes"`

	// How captured mail is carried onward.
	Relay Relay `toml:"relay"`

	// How mailboxes are copied and followed.
	Bridge Bridge `toml:"bridge"`

	// The old servers' logs, which tell who still uses them.
	Evidence map[string]Source `toml:"evidence"`

	// Test mail and test logins of our own that must show up in the logs.
	Canary Canary `toml:"canary"`

	// What DNS says of the domains is watched: when the MX record is switched, and where it is not.
	DNS DNS `toml:"dns"`

	// When the old server counts as unused.
	Verdict Verdict `toml:"verdict"`

	// The socket by which the commands talk to the running service.
	Control Control `toml:"control"`

	// Counters for monitoring.
	Metrics Metrics `toml:"metrics"`

	// What is logged, and how.
	Log Log `toml:"log"`

	// Mailboxes are the lines of MailboxesFile, in the file's order.
	Mailboxes []Mailbox `toml:"-"`

	// File is the path the configuration was loaded from.
	File string `toml:"-"`

	// Warnings are what may be right but should be looked at; they do not refuse the file.
	Warnings []Problem `toml:"-"`

	// Dangers are what nobody should begin to run with. They may come true while it runs, and then do not refuse the file: "config validate" does.
	Dangers []Problem `toml:"-"`
}

// Recipients says which addresses exist. Addresses are compared and kept in lower case.
type Recipients struct {
	// True: the addresses here and in the mailboxes file are all there are; others are refused (550), unless a server of ask knows them.
	// False: an unknown address in one of the domains is put off (451) and listed by "posthouse status".
	Complete bool `toml:"complete" mode:"live" default:"false"`

	// True: anna+anything@ is anna@.
	PlusAddressing bool `toml:"plus_addressing" mode:"live" default:"true"`

	// Mailbox that gets postmaster@ and abuse@ of every domain.
	Postmaster string `toml:"postmaster" mode:"live" as:"mailbox" example:"anna@example.com"`

	// A list of further addresses as Postfix has them (virtual(5)), one a line: "ADDRESS TARGET, TARGET"; "@DOMAIN TARGET" is a
	// catch-all. Targets are as members of groups. A reload reads the file again.
	Virtual string `toml:"virtual" mode:"live" as:"file" example:"/etc/postfix/virtual"`

	// Servers (by SMTP, or LMTP) that are asked about addresses that no list has, with RCPT and never DATA. What one of them knows
	// is taken and goes there. Refused (550) is what one says no to and no other may know; while one is down it is put off (451).
	Ask []string `toml:"ask" example:"legacy, cloud"`
	// Most questions a minute to each of them. Addresses beyond that are put off (451).
	AskRate int `toml:"ask_rate" default:"120" min:"1" max:"60000"`
	// Longest wait for an answer.
	AskTimeout time.Duration `toml:"ask_timeout" default:"10s" min:"1s" max:"2m"`

	// Further addresses, each with the mailbox that gets its mail.
	Extra map[string]string `toml:"extra" mode:"live" as:"mailbox" keys:"address" example:"invoices-2019@example.com = anna@example.com"`

	// Mailbox that gets the mail for every otherwise unknown address of a domain.
	CatchAll map[string]string `toml:"catch_all" mode:"live" as:"mailbox" keys:"@domain" example:"@example.net = anna@example.com"`

	// Groups: an address, and the addresses that get its mail. Members may be groups, and outside the domains.
	Groups map[string][]string `toml:"groups" mode:"live" as:"address" keys:"address" example:"sales@example.com = anna@example.com, bob@example.com"`

	// Listed are the lines of Virtual: an address, or @domain, and its targets.
	Listed map[string][]string `toml:"-"`
}

// Control is the control socket.
type Control struct {
	// Path of the socket. When not given: control.sock in the state folder.
	Socket string `toml:"socket" as:"path" example:"/run/posthouse/control.sock"`

	// Group whose members may use the commands without being root.
	Group string `toml:"group" example:"posthouse"`
}

// Log is the service's log.
type Log struct {
	// Least level that is written.
	Level string `toml:"level" mode:"live" default:"info" as:"error|warning|info|debug"`

	// journal: fields for journald. text: lines for people. json: one object a line.
	// auto: journal when journald reads, else text.
	Format string `toml:"format" default:"auto" as:"auto|journal|text|json"`
}
