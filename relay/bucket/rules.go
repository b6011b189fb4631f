package bucket

// rule is a bucket and what belongs into it. Codes are enhanced ones (RFC 3463); one that ends in a dot stands for all that begin so.
type rule struct {
	Bucket
	codes []string
	from  []span   // enhanced codes 4.7.N or 5.7.N by their last number
	texts []string // lower case
}

// span are the codes CLASS.7.first to CLASS.7.last.
type span struct {
	class       string
	first, last int
}

// rules are tried in order: what is said by a code of its own goes before what several codes may mean.
var rules = []rule{
	{Bucket: Bucket{"connector", "Microsoft 365 takes no mail of our own domains from us (RejectDirectSend)",
		"Exchange admin center, Mail flow, Connectors: an inbound connector for our certificate or IP address; then posthouse queue release --reason connector"},
		codes: []string{"5.7.68"}, texts: []string{"directsend", "direct send not allowed"}},
	{Bucket: Bucket{"connector-mismatch", "Microsoft 365 does not recognise us: certificate or IP address differ from the inbound connector's",
		"compare the connector with the certificate (servers.NAME.client_cert) and the public IP address that posthouse sends from"},
		codes: []string{"5.7.64"}, texts: []string{"tenantattribution"}},
	{Bucket: Bucket{"throttled", "the cloud takes less at a time than we send",
		"nothing: it is sent more slowly, again and again. Microsoft 365: a connector and Enhanced Filtering lift most limits; Google: 500 MB a day and mailbox by IMAP, then it goes on the next day"},
		codes: []string{"4.7.28", "4.5.3", "5.4.5", "4.2.1"}, from: []span{{"4", 500, 699}},
		texts: []string{"request is throttled", "suggested backoff", "too many connections", "rate limit", "throttl", "server busy", "daily user sending limit", "bandwidth limit"}},
	{Bucket: Bucket{"blocked", "our IP address is blocked there",
		"Microsoft: ask for delisting at sender.office.com, and make an inbound connector; Google: enter our public IP address as an inbound gateway. Meanwhile: posthouse queue move --reason blocked --by SERVER:mailbox"},
		codes: []string{"5.7.511"}, from: []span{{"5", 606, 649}}, texts: []string{"banned sending ip", "blocklist", "blacklist", "block list", "spamhaus", "poor reputation", "low reputation"}},
	{Bucket: Bucket{"sender-check", "SPF, DKIM or DMARC of the sender fail, because it is we who deliver",
		"Microsoft 365: an inbound connector with Enhanced Filtering (skip our IP address); Google: our public IP address as inbound gateway. Or deliver into the mailbox: posthouse queue move --reason sender-check --by SERVER:mailbox"},
		codes: []string{"5.7.26", "5.7.27", "5.7.30", "5.7.509", "5.7.515", "5.7.23", "5.7.25", "5.7.20"}, texts: []string{"dmarc", "unauthenticated email", "spf check", "spf fail"}},
	{Bucket: Bucket{"login", "the cloud's SMTP does not accept our login, or wants one",
		"look at smtp_auth and its password. Microsoft 365 switches basic SMTP AUTH off: send without a login through an inbound connector (smtp_auth = \"none\")"},
		codes: []string{"5.7.57", "5.7.139", "5.7.3", "5.7.8", "5.7.9", "5.7.14"}, texts: []string{"smtpclientauthentication is disabled", "authentication required", "authentication unsuccessful", "username and password not accepted"}},
	{Bucket: Bucket{"tls", "no trusted encryption to the next hop",
		"look at smtp_tls, ca_file or fingerprint of the server, and at its certificate"},
		codes: []string{"5.7.10", "4.7.10", "5.7.4", "5.7.5"}, texts: []string{"x509:", "tls:", "starttls"}},
	{Bucket: Bucket{"too-large", "larger than the next hop takes",
		"raise the limit there (Microsoft 365: 35 MB by default, up to 150 MB by mailbox; Gmail by IMAP: 35,651,584 octets), then release; or deliver into the mailbox: posthouse queue move --reason too-large --by SERVER:mailbox; or export it"},
		codes: []string{"5.3.4", "5.2.3"}, texts: []string{"larger than the next hop takes", "size exceeds", "message size limit", "message too large", "too big", "maximum message size"}},
	{Bucket: Bucket{"full", "the mailbox there is full",
		"free space in it or raise its quota, then posthouse queue release --reason full"},
		codes: []string{"5.2.2", "4.2.2"}, texts: []string{"over quota", "mailbox is full", "mailbox full", "quota exceeded", "out of storage"}},
	{Bucket: Bucket{"disabled", "the mailbox there is switched off",
		"give it a licence or switch it on, then release; or posthouse queue move ID --recipient ADDRESS"},
		codes: []string{"5.2.1"}, texts: []string{"account that you tried to reach is disabled", "mailbox disabled"}},
	{Bucket: Bucket{"no-mailbox", "the next hop does not know the address",
		"make the mailbox or the alias there (Microsoft 365: it may take an hour until 5.4.1 and 5.1.10 end), then posthouse queue release --reason no-mailbox; or posthouse queue move ID --recipient ADDRESS"},
		codes: []string{"5.1.1", "5.1.10", "5.4.1", "5.1.0", "5.1.6"}, texts: []string{"user unknown", "no such user", "recipient address rejected", "does not exist", "unknown recipient"}},
	{Bucket: Bucket{"restricted", "the mailbox or group takes mail from certain senders only",
		"let it take mail from outside (Microsoft 365: delivery management of the group or mailbox), then release"},
		codes: []string{"5.7.124", "5.7.133", "5.7.134", "5.7.136", "5.7.193", "5.7.129"}},
	{Bucket: Bucket{"loop", "goes round between servers", "mend the route between the hosts named, then release"},
		codes: []string{"5.4.6", "5.4.14", "5.4.12", "4.4.6"}, texts: []string{"hop count exceeded", "mail loop", "too many hops", "routing loop"}},
	{Bucket: Bucket{"no-relay", "the next hop does not take mail for this domain",
		"add the domain there as accepted and verified; for the old server: let it take mail from 127.0.0.25 (mynetworks); then posthouse queue release --reason no-relay"},
		codes: []string{"5.7.54", "5.7.367", "4.4.62", "4.4.63"}, texts: []string{"relay access denied", "unable to relay", "relaying denied", "relay not permitted", "relay denied"}},
	{Bucket: Bucket{"spam", "taken for spam or malware",
		"look at it (posthouse queue show ID, export); what is wanted: posthouse queue move ID --by SERVER:mailbox puts it into the mailbox; the rest: posthouse queue drop --reason spam"},
		codes: []string{"5.7.508", "5.7.512", "5.7.28"}, texts: []string{"spam", "unsolicited", "virus", "malware", "blocked for security", "blocked because its content", "likely suspicious"}},
	{Bucket: Bucket{"unfit", "the next hop cannot carry the message unchanged",
		"deliver into the mailbox instead: posthouse queue move --reason unfit --by SERVER:mailbox; or export it"},
		texts: []string{"no 8bitmime", "no smtputf8", "no chunking", "bare cr or lf", "cannot be written in a command"}},
	{Bucket: Bucket{"policy", "refused by a rule of the next hop",
		"read the reply: a transport rule, a blocked attachment, a restricted sender; let it through there and release, or posthouse queue move ID --by SERVER:mailbox"},
		codes: []string{"5.7."}},
	{Bucket: Bucket{"unreachable", "the next hop cannot be reached",
		"look at network, firewall and DNS from here; it is tried again by itself; posthouse queue retry --reason unreachable tries now"},
		texts: []string{"connection refused", "i/o timeout", "no route to host", "no such host", "network is unreachable", "connection reset", "cannot be reached", "connection timed out", "server misbehaving",
			"temporary failure in name resolution"}},
	{Bucket: Bucket{"no-destination", "the configuration names no such way out",
		"name the server in the configuration again and restart, or posthouse queue move --reason no-destination --by SERVER:smtp"},
		texts: []string{"no destination of this name"}},
}
