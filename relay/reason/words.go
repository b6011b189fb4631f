package reason

// words are what people are told of a class.
type words struct {
	Class
	what, remedy string
}

func (c Class) words() words {
	for _, w := range all {
		if w.Class == c {
			return w
		}
	}
	return words{}
}

// All are all classes, each once.
func All() []Class {
	classes := make([]Class, len(all))
	for i, w := range all {
		classes[i] = w.Class
	}
	return classes
}

// all are the words of each class. A remedy is for the person who moves the mailboxes: where to click at Microsoft or Google, what to ask for, which command to type.
var all = []words{
	{Doubt, "the final reply was lost: it may have arrived",
		"nothing while the mailbox answers: it is asked, and sent again only what is not there. What is held could not be asked for: release it once the mailbox opens again"},
	{ByHand, "held by a person", "posthouse queue release ID"},
	{Nowhere, "no mailbox takes it", "name one (recipients.postmaster, recipients.extra) for what comes, and move this: posthouse queue move ID --recipient ADDRESS"},
	{Outside, "leads outside, and no cloud server to send by", "give a cloud server smtp in the configuration, or export the message and send it by hand"},
	{UnknownThere, "the cloud does not know the address and sent the mail back to us", "add the address in the cloud, then release"},
	{Loop, "goes round between servers", "mend the route between the hosts named, then release"},
	{Connector, "Microsoft 365 takes no mail of our own domains from us (RejectDirectSend)",
		"Exchange admin center, Mail flow, Connectors: an inbound connector for our certificate or IP address; then posthouse queue release --reason connector"},
	{Mismatch, "Microsoft 365 does not recognise us: certificate or IP address differ from the inbound connector's",
		"compare the connector with the certificate (servers.NAME.client_cert) and the public IP address that posthouse sends from"},
	{Blocked, "our IP address or host name is not accepted there",
		"Microsoft: ask for delisting at sender.office.com, and make an inbound connector; Google: enter our public IP address as an inbound gateway; anybody: a PTR record for it. " +
			"Meanwhile: posthouse queue move --reason blocked --by SERVER:mailbox"},
	{Login, "the next hop does not accept our login, or wants one",
		"look at smtp_auth and its password. Microsoft 365 switches basic SMTP AUTH off: send without a login through an inbound connector (smtp_auth = \"none\")"},
	{TLS, "no trusted encryption to the next hop", "look at smtp_tls, ca_file or fingerprint of the server, and at its certificate"},
	{Relay, "the next hop does not take mail for this domain",
		"add the domain there as accepted and verified; for the old server: let it take mail from 127.0.0.25 (mynetworks); for addresses outside: let it relay for us (smtp_login, a connector), or say relay.outside = \"mx\"; then posthouse queue release --reason no-relay"},
	{Throttled, "the next hop takes less at a time than we send",
		"nothing: it is sent more slowly, again and again. Microsoft 365: a connector and Enhanced Filtering lift most limits; Google: 500 MB a day and mailbox by IMAP, then it goes on the next day"},
	{Sender, "SPF, DKIM or DMARC of the sender fail, because it is we who deliver",
		"Microsoft 365: an inbound connector with Enhanced Filtering (skip our IP address); Google: our public IP address as inbound gateway; then release. " +
			"Or deliver into the mailbox: posthouse queue move --reason sender-check --by SERVER:mailbox"},
	{Size, "larger than the next hop takes",
		"raise the limit there (Microsoft 365: 35 MB by default, up to 150 MB by mailbox; Gmail by IMAP: 35,651,584 octets), then release; or deliver into the mailbox: " +
			"posthouse queue move --reason too-large --by SERVER:mailbox; or export it and hand it over by other means"},
	{Form, "the next hop cannot carry the message unchanged",
		"deliver into the mailbox instead: posthouse queue move --reason unfit --by SERVER:mailbox; or export it and hand it over by other means"},
	{Recipient, "the next hop does not know the address",
		"make the mailbox or the alias there (Microsoft 365: it may take an hour until 5.4.1 and 5.1.10 end), then posthouse queue release --reason no-mailbox; " +
			"or posthouse queue move ID --recipient ADDRESS; or take the address out of our mailboxes and groups"},
	{Disabled, "the mailbox there is switched off", "give it a licence or switch it on, then release; or posthouse queue move ID --recipient ADDRESS"},
	{Full, "the mailbox there is full", "free space in it or raise its quota, then posthouse queue release --reason full"},
	{Restricted, "the mailbox or group takes mail from certain senders only",
		"let it take mail from outside (Microsoft 365: delivery management of the group or mailbox), then release"},
	{Attachment, "holds a kind of file that the next hop does not take", "allow it there and release the message, or export it and hand it over by other means"},
	{Spam, "taken for spam",
		"look at it (posthouse queue show ID, export). What is wanted: allow the sender there and release it, or posthouse queue move ID --by SERVER:mailbox puts it into the mailbox; " +
			"the rest: posthouse queue drop --reason spam"},
	{Virus, "taken for a virus", "do not pass it on; look at the sender's computer if it is one of ours; then posthouse queue drop --reason virus"},
	{Policy, "refused by a rule of the next hop",
		"read the reply: a transport rule, a restricted sender; let it through there and release, or posthouse queue move ID --by SERVER:mailbox, or tell the sender"},
	{Unreachable, "the next hop cannot be reached",
		"look at network, firewall and DNS from here; it is tried again by itself; posthouse queue retry --reason unreachable tries now"},
	{NoDestination, "the configuration names no such way out",
		"name the server in the configuration again and restart, or posthouse queue move --reason no-destination --by SERVER:smtp"},
	{TooLong, "put off for too long", "read the last reply; when its cause is gone: posthouse queue release --reason too-long"},
	{Waiting, "waits for its next attempt", "nothing: it is tried again by itself; posthouse queue retry tries now"},
	{Other, "refused", "read the reply; mend its cause and release, or move or export the message"},
}
