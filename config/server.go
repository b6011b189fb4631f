package config

import (
	"net/netip"
	"time"
)

// Side is one of the two sides of a cutover.
type Side string

// The two sides.
const (
	Legacy Side = "legacy"
	Cloud  Side = "cloud"
)

// TLS is how a connection is secured.
type TLS string

// The ways to secure a connection.
const (
	TLSImplicit TLS = "implicit" // from the first octet (ports 993, 465)
	TLSStartTLS TLS = "starttls" // after STARTTLS, which must succeed where we are the client
	TLSNone     TLS = "none"     // plaintext: loopback only, unless insecure_plaintext says otherwise
	// TLSOpportunistic encrypts where STARTTLS is offered: for hosts found by MX, where nothing else is known of them.
	TLSOpportunistic TLS = "opportunistic"
)

// The versions of the PROXY protocol.
const (
	ProxyV1 = "v1"
	ProxyV2 = "v2"
)

// SMTPProtocolLMTP is the protocol of servers that take mail for their mailboxes alone (RFC 2033).
const SMTPProtocolLMTP = "lmtp"

// SMTPAuthXOAuth2 is the login for SMTP that needs tokens instead of a password.
const SMTPAuthXOAuth2 = "xoauth2"

// Server is one mail server of one side.
type Server struct {
	// Name is the server's name in the file.
	Name string `toml:"-"`

	// legacy or cloud.
	Side Side `toml:"side" as:"legacy|cloud" example:"legacy" need:"yes"`

	// IMAP, as host:port.
	IMAP string `toml:"imap" as:"hostport" example:"exch01.example.com:993"`
	// implicit (port 993), starttls (port 143) or none.
	IMAPTLS TLS `toml:"imap_tls" default:"implicit" as:"implicit|starttls|none"`

	// Calendars and address books (CalDAV, CardDAV): a server, a principal or a home, as https://host/path/; {login} stands
	// for the mailbox's login. A bare domain is looked up by SRV records (RFC 6764). file:///path/{login} is a folder of
	// .ics and .vcf files. They are copied and followed where both sides of a mailbox have it.
	DAV string `toml:"dav" as:"dav" example:"https://dav.example.com/"`

	// SMTP by which mail is delivered to this server, as host:port; or unix:/path, a socket; or mx:DOMAIN, which looks up the
	// MX records of that domain.
	SMTP string `toml:"smtp" as:"nexthop" example:"exch01.example.com:25"`
	// lmtp: a server of one's own (Dovecot, Cyrus) takes mail for its mailboxes there by LMTP, and answers for each of them. It sends
	// nothing to the outside.
	SMTPProtocol string `toml:"smtp_protocol" default:"smtp" as:"smtp|lmtp"`
	// starttls (port 25 or 587), implicit (port 465) or none. Where smtp is mx:DOMAIN it is opportunistic unless given: encrypted where
	// that is offered, verified where the domain publishes DANE or MTA-STS. There starttls demands it verified in any case.
	SMTPTLS TLS `toml:"smtp_tls" default:"starttls" as:"implicit|starttls|opportunistic|none"`
	// plain, login, xoauth2 (tokens of this server's oauth) or none. When not given: plain if there is a smtp_login, else none.
	SMTPAuth string `toml:"smtp_auth" as:"plain|login|xoauth2|none" example:"plain"`
	// Login for SMTP; with xoauth2 the mailbox that the token is for. Without one the server must know us by our address or our client certificate.
	SMTPLogin string `toml:"smtp_login" example:"posthouse@example.com"`
	// Password of smtp_login.
	SMTPPassword Secret `toml:"smtp_password" example:"credential:smtp"`

	// v1 or v2: each SMTP connection begins with a header of the PROXY protocol that names the client who brought the message, so
	// that the old server's filters judge that one; it must expect it. A server with XFORWARD needs none. Only for the side legacy.
	Proxy string `toml:"proxy" default:"none" as:"none|v1|v2"`

	// True: a connector or inbound gateway there names us, and checks no senders of what we bring: they are never rewritten.
	Connector bool `toml:"connector" default:"false"`

	// Allows imap_tls = "none" or smtp_tls = "none" to a server that is not on loopback.
	InsecurePlaintext bool `toml:"insecure_plaintext" default:"false"`
	// Certificates (PEM) that are trusted for this server instead of the system's.
	CAFile string `toml:"ca_file" as:"file" example:"/etc/posthouse/legacy-ca.pem"`
	// SHA-256 of the server's certificate: trusted if, and only if, it is this one.
	Fingerprint string `toml:"fingerprint" as:"fingerprint" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	// Our own certificate, for servers that know us by it. A reload reads the file again.
	ClientCert string `toml:"client_cert" as:"file" example:"/etc/posthouse/client.crt"`
	// Its key.
	ClientKey string `toml:"client_key" as:"secretfile" example:"/etc/posthouse/client.key"`

	// How mailboxes are opened: password, xoauth2 or oauthbearer.
	Login LoginMethod `toml:"login" default:"password" as:"password|xoauth2|oauthbearer"`
	// User who may open every mailbox. Logs in as MAILBOX*MASTER (Dovecot's way), or by authzid.
	MasterUser string `toml:"master_user" example:"migrator"`
	// Password of master_user; the mailboxes' own passwords are then not needed.
	MasterPassword Secret `toml:"master_password" example:"credential:master"`
	// True: open mailboxes by SASL PLAIN with the mailbox as authorization identity (RFC 4616).
	AuthzID bool `toml:"authzid" default:"false"`

	// Most IMAP connections to this server at one time, all mailboxes together; half of them may be waiting
	// for news (IDLE). Deliveries by SMTP have as many of their own, but no more than relay.workers.
	MaxConnections int `toml:"max_connections" default:"16" min:"2" max:"10000"`
	// Most mailboxes that are copied at one time from or to this server. When not given: half of max_connections.
	// A server that throttles gets half as many for a while, by itself.
	MaxMailboxes int `toml:"max_mailboxes" min:"1" max:"10000" example:"2"`

	// Most octets a second from and to this server by IMAP, all connections together. The first line that is for the
	// day and the local time holds; where none is, there is no limit.
	Bandwidth []Bandwidth `toml:"bandwidth" example:"Mo-Fr 08:00-18:00 2MB/s, 20MB/s"`

	// Where tokens come from, for xoauth2 and oauthbearer.
	OAuth OAuth `toml:"oauth"`
}

// Sends says that the server takes mail by SMTP, to addresses outside as well; by LMTP it takes that of its mailboxes alone.
func (s Server) Sends() bool { return s.SMTP != "" && s.SMTPProtocol != SMTPProtocolLMTP }

// LoginMethod is how mailboxes of a server are opened.
type LoginMethod string

// The ways to open a mailbox.
const (
	LoginPassword    LoginMethod = "password"
	LoginXOAuth2     LoginMethod = "xoauth2"     // Microsoft, Google
	LoginOAuthBearer LoginMethod = "oauthbearer" // RFC 7628
)

// The kinds of OAuth.
const (
	OAuthClientCredentials = "client_credentials" // RFC 6749 §4.4: one token for all mailboxes (Microsoft 365)
	OAuthServiceAccount    = "service_account"    // RFC 7523: one token per mailbox, its subject (Google)
)

// OAuth says where tokens come from. The subject of a token is the mailbox's login. The zero value is
// none.
type OAuth struct {
	// client_credentials (Microsoft 365) or service_account (Google, domain-wide delegation).
	Kind string `toml:"kind" as:"client_credentials|service_account" example:"client_credentials"`
	// Token endpoint.
	TokenURL string `toml:"token_url" as:"url" example:"https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"`
	// The application's id.
	ClientID string `toml:"client_id" example:"11111111-2222-3333-4444-555555555555"`
	// The application's secret.
	ClientSecret Secret `toml:"client_secret" example:"credential:oauth"`
	// Scope that is asked for: https://outlook.office365.com/.default, or https://mail.google.com/.
	Scope string `toml:"scope" example:"https://outlook.office365.com/.default"`
	// The service account's key, the JSON file Google gives out.
	KeyFile string `toml:"key_file" as:"secretfile" example:"/etc/posthouse/service-account.json"`
}

// Role is what a listener is for, and the route of what it takes.
type Role string

// The roles of listeners.
const (
	RoleMX      Role = "mx"      // mail from other systems: route arriving
	RoleDevices Role = "devices" // mail of printers, scanners and programs, by their address
)

// Listener takes mail by SMTP.
type Listener struct {
	// Name is the listener's name in the file.
	Name string `toml:"-"`

	// mx: mail from the world. submission: mail of users, who log in. devices: printers and programs, by their address.
	Role Role `toml:"role" as:"mx|submission|devices" example:"mx" need:"yes"`
	// Name (FileDescriptorName=) of the socket that systemd hands over. All sockets of that name take mail.
	Socket string `toml:"socket" example:"mx"`
	// Address to listen on, used when no such socket was handed over.
	Address string `toml:"address" as:"listen" example:":25"`
	// Name by which we greet. When not given: the machine's own name.
	Hostname string `toml:"hostname" as:"domain" example:"mail.example.com"`

	// starttls: offered. implicit: from the first octet (port 465). none: never.
	TLS TLS `toml:"tls" default:"starttls" as:"starttls|implicit|none"`
	// Certificate chain, PEM. It is read again when it changes. When not given: one that we sign ourselves.
	TLSCert string `toml:"tls_cert" as:"file" example:"/etc/posthouse/mail.crt"`
	// Its key.
	TLSKey string `toml:"tls_key" as:"secretfile" example:"/etc/posthouse/mail.key"`
	// Certificates for further names by which clients ask for this listener (SNI): PEM files, each with chain and key.
	TLSMore []string `toml:"tls_more" as:"secretfile" example:"/etc/posthouse/mx.example.net.pem"`
	// True: TLS 1.0 and 1.1 and their cipher suites as well, for one old scanner.
	TLSOld bool `toml:"tls_old" default:"false"`
	// True: clients are asked for a certificate. What they show is noted in Received and the trace, and decides nothing.
	TLSAskClient bool `toml:"tls_ask_client" default:"true"`

	// Networks of the devices that may send by this listener. Only for the role devices.
	Allow []netip.Prefix `toml:"allow" example:"10.0.4.0/24"`
	// True: they may send to addresses outside the domains too. Only for the role devices.
	Outside bool `toml:"outside" default:"true"`
	// Their names, by address or network, as status and Received show them. Only for the role devices.
	Devices map[string]string `toml:"devices" keys:"network" example:"10.0.4.31 = scanner-2"`
	// Mail from here, by whichever listener, comes from the old server: it is never sent back there.
	LegacyAddresses []netip.Prefix `toml:"legacy_addresses" example:"10.0.0.10"`
	// Mail from here, by whichever listener, comes from the cloud: it is never sent back there.
	CloudAddresses []netip.Prefix `toml:"cloud_addresses" example:"40.92.0.0/15"`

	// Largest message taken.
	MaxMessageSize Size `toml:"max_message_size" default:"150MB" min:"64KB" max:"2GB"`
	// Most connections at one time.
	MaxConnections int `toml:"max_connections" default:"200" min:"1" max:"100000"`
	// Most connections of one client address at one time.
	MaxConnectionsPerClient int `toml:"max_connections_per_client" default:"20" min:"1" max:"100000"`
	// Most recipients of one message (RFC 5321 §4.5.3.1.8 asks for 100 at least).
	MaxRecipients int `toml:"max_recipients" default:"1000" min:"100" max:"50000"`
	// Longest wait for a client's next command (RFC 5321 §4.5.3.2.7: 5 minutes).
	CommandTimeout time.Duration `toml:"command_timeout" default:"5m" min:"1s" max:"1h"`
	// Longest wait for a client's next piece of a message (RFC 5321 §4.5.3.2.5: 3 minutes).
	DataTimeout time.Duration `toml:"data_timeout" default:"3m" min:"1s" max:"1h"`
	// Proxies whose connections begin with a header of the PROXY protocol, v1 or v2, that names the client (HAProxy: send-proxy, send-proxy-v2).
	// Without one they are closed; from others none is read.
	ProxyFrom []netip.Prefix `toml:"proxy_from" example:"10.0.0.20"`

	// What one client may take of time and patience.
	Limits Limits `toml:"limits"`

	// What is found out about the senders of mail. Only for the role mx.
	Senders Senders `toml:"senders"`
}
