package config

import (
	"net/netip"
	"time"
)

// Routes says where mail goes, by the route it came.
type Routes struct {
	// Mail from other systems, taken by listeners of role mx.
	Arriving Route `toml:"arriving"`
	// Mail of users, taken by listeners of role submission, to recipients inside the domains. What they send outside as themselves goes by relay.outside; what they send
	// outside as others goes by the old server.
	Submission Route `toml:"submission"`
	// Mail of devices, to recipients inside the domains. What they send outside goes by relay.outside.
	Devices Route `toml:"devices"`
}

// Route is where mail of one route goes.
type Route struct {
	// The way out: WHERE:smtp or WHERE:mailbox. WHERE is home (the side where the mailbox's owner reads
	// now), legacy or cloud: the mailbox's own server there. smtp delivers by SMTP; mailbox puts the message
	// into the cloud mailbox by IMAP (at home in legacy: by SMTP). With tee "legacy:smtp" may be named second.
	To []Destination `toml:"to" default:"home:smtp" need:"yes"`

	// True: of what goes to the cloud a copy goes to the old server by SMTP. Copies are best effort: one
	// that fails is counted, not held. Rooms never get one: two copies of an invitation, two answers.
	Tee bool `toml:"tee" default:"false"`

	// Further mailboxes that never get a copy.
	TeeNever []string `toml:"tee_never" as:"address" example:"room-1@example.com"`

	// True: senders outside the domains are rewritten (SRS, [relay.srs]) on the way to a cloud server by SMTP, unless
	// the server is a connector. For clouds where nothing vouches for us: their SPF check would fail.
	SRS bool `toml:"srs" default:"false"`
}

// Relay is how captured mail is carried onward.
type Relay struct {
	// Waits between attempts. The last one is repeated.
	Retry []time.Duration `toml:"retry" default:"30s, 1m, 2m, 5m, 10m, 15m" min:"1s" max:"24h" need:"yes"`
	// Age at which an undelivered message is held for a person. Nothing is ever bounced or dropped.
	HoldAfter time.Duration `toml:"hold_after" default:"5d" min:"1m" max:"90d"`
	// How long a delivery whose reply was lost is looked for in the mailbox before it is sent again.
	SettleTime time.Duration `toml:"settle_time" default:"5m" min:"0s" max:"24h"`
	// Age at which a message the cloud accepted, but nobody has seen in the mailbox, is an alarm.
	SeenWithin time.Duration `toml:"seen_within" default:"6h" min:"1s" max:"30d"`
	// True: what the cloud refuses by SMTP for its size, its form or our own address is put into the mailbox by IMAP. Never what
	// it refuses for content or sender.
	Rescue bool `toml:"rescue" default:"true"`
	// Age at which a message that the cloud's SMTP throttles is put into the mailbox by IMAP.
	RescueAfter time.Duration `toml:"rescue_after" default:"1h" min:"0s" max:"30d"`
	// True: who asked for it (NOTIFY of RFC 3461) is told that a message waits for a day, or was delivered, where the next hop does not
	// tell it. Never a list, a program or the null sender. That a message failed is told by "posthouse queue drop --notify" alone.
	Notifications bool `toml:"notifications" default:"false"`
	// How long a settled message's body is kept.
	Retention time.Duration `toml:"retention" default:"14d" min:"0s" max:"3650d"`
	// Most deliveries at one time, for each way out. It begins with one, has more while they are accepted, and half as many
	// when a server asks to slow down.
	Workers int `toml:"workers" default:"8" min:"1" max:"1000"`
	// Disk that is left free: below it mail is refused for the time being (452).
	DiskReserve Size `toml:"disk_reserve" default:"1GB"`

	// The way of mail to addresses outside (members of groups, senders of what we forwarded). cloud: the first cloud server
	// with SMTP. mx: the MX hosts of each address's domain.
	Outside string `toml:"outside" default:"cloud" as:"cloud|mx"`
	// A resolver that validates (DNSSEC) and is to be believed, as ADDRESS:PORT, for MX records and DANE. When not given those of
	// /etc/resolv.conf are asked, and only one on loopback is believed: without a believed one there is no DANE.
	Resolver string `toml:"resolver" as:"hostport" example:"127.0.0.1:53"`

	// The Sender Rewriting Scheme, for routes with srs = true. While it is here bounces to rewritten senders are taken.
	SRS SRS `toml:"srs"`

	// An ARC seal (RFC 8617) on what goes to a cloud by SMTP: for one that trusts the seals of this domain. Off without it.
	ARC ARC `toml:"arc"`
}

// ARC is with what seals are made.
type ARC struct {
	// Domain of the seals. Its key, as for DKIM, stands in DNS at SELECTOR._domainkey.DOMAIN.
	Domain string `toml:"domain" as:"domain" example:"example.com"`
	// Selector of the key.
	Selector string `toml:"selector" as:"domain" example:"posthouse"`
	// The private key, PEM: RSA, or Ed25519, which few verify.
	KeyFile string `toml:"key_file" as:"secretfile" example:"/etc/posthouse/arc.key"`
}

// SRS is how foreign senders are rewritten.
type SRS struct {
	// Domain of the rewritten senders. Its MX record must lead to a listener here, so that bounces come back.
	Domain string `toml:"domain" as:"domain" example:"srs.example.com"`
	// Secrets, one a line as PostSRSd has them: the first signs, all of them verify.
	Secret Secret `toml:"secret" example:"credential:srs"`
	// What follows SRS0: = or - or +.
	Separator string `toml:"separator" default:"=" as:"=|-|+"`
	// Letters of the hash, and the fewest that are believed. PostSRSd has 4: say so where it shares the secret.
	HashLength int `toml:"hash_length" default:"8" min:"4" max:"27"`
	// How long bounces are taken after the message left.
	MaxAge time.Duration `toml:"max_age" default:"21d" min:"1d" max:"1000d"`
}

// DeletedTrash is the value of bridge.deleted that copies what is marked as deleted.
const DeletedTrash = "trash"

// Bridge is how mailboxes are copied and followed.
type Bridge struct {
	// Mailboxes that are copied at one time in the beginning. As long as more is copied by more of them
	// there are more, up to half of max_connections of each server, and its max_mailboxes.
	ParallelMailboxes int `toml:"parallel_mailboxes" default:"4" min:"1" max:"1000"`
	// How often a mailbox is looked at that has no connection of its own to be told by (NOTIFY, IDLE).
	PollInterval time.Duration `toml:"poll_interval" default:"5m" min:"1s" max:"24h"`
	// How often calendars and address books are looked at: no server tells of them by itself.
	CalendarPoll time.Duration `toml:"calendar_poll" default:"30s" min:"1s" max:"24h"`
	// How long a cloud folder is asked before a message whose upload was cut off, and that is not
	// found there, is uploaded again: servers go on reading what was sent to them.
	SettleTime time.Duration `toml:"settle_time" default:"10s" min:"100ms" max:"1h"`
	// Folders that are not copied, levels divided by /. * is any text within a level: "Public" leaves out
	// that folder alone, "Public/*" those directly below it.
	Skip []string `toml:"skip" as:"folder" example:"Trash, Public/*"`
	// What becomes of messages that are marked as deleted on the old side. skip: they are not copied.
	// trash: they are copied into the cloud's Trash. One that is marked after it was copied stays where it is.
	Deleted string `toml:"deleted" default:"skip" as:"skip|trash"`
	// How many of the events, or contacts, that are deleted in one folder on the old side are deleted in the cloud
	// too, in 24 hours. When more are gone none of them is, and that is an alarm. 0: what is deleted there stays in
	// the cloud, as messages always do.
	Deletions int `toml:"deletions" default:"0" min:"0" max:"10000"`
	// Folders that get another name: old = new, levels divided by /. A / inside a name is written \/.
	Folders map[string]string `toml:"folders" as:"folder" keys:"folder" example:"Sent Items = Sent"`
	// Shared and other users' folders that are copied, each with those below it, once and into one mailbox.
	// All others are only listed, whoever sees them.
	Shared map[string]SharedTree `toml:"shared"`
	// Rules for single mailboxes, beside those for all. A mailbox that a reload brings has its rules at once.
	Mailboxes map[string]MailboxRules `toml:"mailboxes" keys:"mailbox"`
}

// SharedTree is a folder outside every personal namespace, with those below it.
type SharedTree struct {
	// Name is the tree's name in the file.
	Name string `toml:"-"`

	// The folder, as the old server lists it, levels divided by /.
	Folder string `toml:"folder" as:"folder" example:"Public/Sales" need:"yes"`
	// The mailbox that it is copied into. Its legacy_login must see the folder.
	Mailbox string `toml:"mailbox" as:"mailbox" example:"info@example.com" need:"yes"`
	// The folder of that mailbox that it becomes. When not given it becomes the mailbox itself: what lies in it goes
	// to the INBOX, and nothing else that the legacy_login sees belongs to the mailbox.
	Into string `toml:"into" as:"folder" example:"Sales"`
}

// MailboxRules are the rules of one mailbox.
type MailboxRules struct {
	// Name is the mailbox's address.
	Name string `toml:"-"`

	// Further folders that are not copied.
	Skip []string `toml:"skip" as:"folder" example:"Old/*"`
	// Folders that are copied although bridge.skip leaves them out.
	Copy []string `toml:"copy" as:"folder" example:"Trash"`
	// Folders that get another name, before bridge.folders is looked at.
	Folders map[string]string `toml:"folders" as:"folder" keys:"folder" example:"Notizen = Notes"`
}

// Source is one log of an old server.
type Source struct {
	// Name is the source's name in the file.
	Name string `toml:"-"`

	// Which program writes it: postfix, dovecot, exim, cyrus, courier, sendmail, qmail, zimbra (auto: whichever of these; many a mail.log holds several),
	// or on Windows exchange-tracking, exchange-smtp, exchange-imap, exchange-proxy, iis, hmailserver, mdaemon, kerio.
	Kind string `toml:"kind" default:"auto" as:"auto|postfix|dovecot|exim|cyrus|courier|sendmail|qmail|exchange-tracking|exchange-smtp|exchange-imap|exchange-proxy|iis|hmailserver|mdaemon|kerio|zimbra"`
	// Path of the log; * and ? as in a shell, for logs that change their name by day, and for folders full of them.
	File string `toml:"file" as:"path" example:"/var/log/mail.log"`
	// Units of systemd's journal instead of a file, as "journalctl --unit" takes them: where no syslog writes files.
	Journal []string `toml:"journal" example:"postfix@*, dovecot"`
	// Directory of journal files, where they are not this machine's own.
	JournalDirectory string `toml:"journal_directory" as:"path" example:"/mnt/old/journal"`
	// Time zone of stamps that name none. When not given: the machine's.
	Timezone string `toml:"timezone" as:"timezone" example:"Europe/Berlin"`
	// Addresses from which we ourselves, and monitors, come: not counted as use.
	OwnAddresses []netip.Prefix `toml:"own_addresses" example:"127.0.0.25"`
	// Users as whom we ourselves, and monitors, log in: not counted as use.
	OwnUsers []string `toml:"own_users" example:"migrator, nagios"`
	// Senders of our own and of monitors' mail: not counted as use.
	OwnSenders []string `toml:"own_senders" as:"address" example:"probe@example.com"`
	// The house's own networks: who comes from there sends, and does not arrive.
	Local []netip.Prefix `toml:"local" example:"10.0.0.0/8"`
	// Filters and relays in front of the old server: what they bring arrives from beyond them.
	Gateways []netip.Prefix `toml:"gateways" example:"10.0.0.7"`
	// True: count deliveries into mailboxes as arriving mail, where no log of the mail transport is read.
	Deliveries bool `toml:"deliveries" default:"false"`
	// How far back logs are read at the first start, for the rhythm of those who use the old server.
	History time.Duration `toml:"history" default:"400d" min:"1h" max:"3650d"`
	// A log that says nothing at all for longer is a blind source; 0s: never.
	MaxSilence time.Duration `toml:"max_silence" default:"0s" min:"0s" max:"90d"`
	// True: without this source the verdict is "blind".
	Required bool `toml:"required" default:"true"`
}

// Verdict is when the old server counts as unused.
type Verdict struct {
	// Quiet time that is asked for at least.
	Quiet time.Duration `toml:"quiet" mode:"live" default:"72h" min:"1m" max:"365d"`
	// Span in which the sources must have been watched.
	Window time.Duration `toml:"window" mode:"live" default:"72h" min:"1m" max:"365d"`
	// Watched share of the window below which the verdict is "blind".
	BlindBelow float64 `toml:"blind_below" mode:"live" default:"0.9" min:"0" max:"1"`
	// A message that a log says was delivered on the old side must be seen in its mailbox, or in the cloud, within this time.
	DeliveredWithin time.Duration `toml:"delivered_within" mode:"live" default:"15m" min:"1s" max:"7d"`
	// Span for which it is said what may still come by the old way.
	Horizon time.Duration `toml:"horizon" mode:"live" default:"60d" min:"1h" max:"365d"`
	// Chance that something wanted comes within the horizon, by what is known of each sender, device and user, up to which
	// the verdict may be "ready". 0: nobody's past is looked at, and the quiet time alone decides.
	Chance float64 `toml:"chance" mode:"live" default:"0.07" min:"0" max:"1"`
	// Quiet time that is asked for of the old address where nobody's past is known: no logs of the three weeks before the
	// switch, or no switch.
	Unfamiliar time.Duration `toml:"unfamiliar" mode:"live" default:"30d" min:"1m" max:"365d"`
	// Senders, devices and users that are accepted by name: they may go on as they do. A domain stands for all its hosts.
	Accepted []string `toml:"accepted" mode:"live" example:"payroll.example, 10.0.4.31, anna@example.com"`
	// What must be watched besides the logs: our own listeners, new items in old mailboxes.
	Required []string `toml:"required" mode:"live" default:"listeners, mailboxes" as:"listeners|mailboxes"`
	// True: no log tells who logs in on the old server, and the verdict on it goes without. It can be "ready" while people still read their mail there.
	WithoutLogins bool `toml:"without_logins" mode:"live" default:"false"`
	// When the MX record was switched, if posthouse did not see it itself.
	MXSwitched time.Time `toml:"mx_switched" mode:"live" example:"2026-11-21T18:00:00+01:00"`
}
