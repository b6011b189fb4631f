package logtail

import (
	"net/netip"
	"strings"
)

// ExchangeTracking is the message tracking log of Exchange: MSGTRK*.LOG, in the form of 2007 to 2019 and, with tabs, of 2000 and 2003. Stamps are UTC.
const ExchangeTracking = "exchange-tracking"

// The fields of message tracking that matter.
const (
	trackTime = iota
	trackClient
	trackClientHost
	trackServer
	trackServerHost
	trackContext
	trackSource
	trackEvent
	trackMessage
	trackRecipients
	trackSender
	trackReturnPath
	trackDirection
	trackOriginal
)

var trackingSheet = &sheet{
	fields: []string{
		"date-time", "client-ip", "client-hostname", "server-ip", "server-hostname", "source-context", "source", "event-id", "message-id", "recipient-address",
		"sender-address", "return-path", "directionality", "original-client-ip",
	},
	defaults: []string{
		"date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id," +
			"recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info",
		"date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id," +
			"recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path," +
			"message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data",
		"date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id," +
			"network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address," +
			"return-path,message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version",
	},
	split: splitCSV,
}

// parseTracking reads a line of either form.
func parseTracking(line string, s *State, event *Event) Result {
	switch {
	case strings.HasPrefix(line, "# "):
		return s.trackingHeader2003(line)
	case strings.HasPrefix(line, "#"):
		return s.directive(line, event)
	case strings.HasPrefix(line, "date-time,"): // some tools leave the header without its directive
		s.file.Header = strings.Clone(line)
		return Known
	case strings.IndexByte(line[:min(len(line), 20)], '\t') > 0:
		return s.tracking2003(line, event)
	}
	r := s.cut(line, trackingSheet)
	at, ok := parseISO(r.get(trackTime), utc)
	if !ok || r.get(trackEvent) == "" || r.get(trackSource) == "" {
		return Unparsed
	}
	event.At = at
	switch r.get(trackSource) + " " + r.get(trackEvent) {
	case "SMTP RECEIVE":
		return s.trackReceived(r, event)
	case "STOREDRIVER RECEIVE", "STOREDRIVER SUBMIT", "PICKUP RECEIVE":
		return s.trackSubmitted(r, event)
	case "STOREDRIVER DELIVER":
		return s.trackDelivered(r, event)
	}
	return Known
}

// trackDelivered reads what was put into mailboxes.
func (s *State) trackDelivered(r row, event *Event) Result {
	if trackedMonitor(r) || s.isOwn(endpoint(r.get(trackOriginal)), "", r.get(trackReturnPath)) {
		return Known
	}
	for mailbox := range strings.SplitSeq(r.get(trackRecipients), ";") {
		s.delivered(event, mailbox, r.get(trackMessage), "", "")
	}
	for i := range event.Delivered {
		event.Delivered[i].Client = endpoint(r.get(trackOriginal))
	}
	if len(event.Delivered) == 0 {
		return Known
	}
	return Parsed
}

// trackReceived reads a message that came by SMTP. What users write comes that way too, from the service that takes it out of their mailboxes.
func (s *State) trackReceived(r row, event *Event) Result {
	sender := r.get(trackSender)
	if trackedMonitor(r) && !foreignReport(r) {
		return Known
	}
	m := mail{At: event.At, Client: endpoint(r.get(trackClient)), Name: r.get(trackClientHost), Message: r.get(trackMessage)}
	switch original := endpoint(r.get(trackOriginal)); {
	case original.IsValid() && original != m.Client:
		m.Client, m.Name = original, "" // the host is the front end that handed it on
	case r.at[trackOriginal] >= 0 && !original.IsValid() && m.Client == endpoint(r.get(trackServer)) && !s.isOwn(m.Client, "", ""):
		m.Client, m.Name = netip.Addr{}, domainOf(sender) // a front end that does not tell from whom it had it
	}
	if strings.EqualFold(r.get(trackDirection), "Originating") {
		m.User = sender
	}
	return s.took(m, r.get(trackReturnPath), sender, event)
}

// assistants are the parts of ClientType that tell that the server itself wrote the message.
var assistants = []string{"Monitoring", "System", "Assistants", "Transport", "ContentIndexing", "Migration", "Maintenance"}

// trackSubmitted reads a message that was taken out of its writer's mailbox.
func (s *State) trackSubmitted(r row, event *Event) Result {
	_, client, _ := strings.Cut(r.get(trackContext), "ClientType:")
	client, _, _ = strings.Cut(client, ",")
	client = strings.TrimSpace(client)
	for _, a := range assistants {
		if strings.Contains(client, a) {
			return Known
		}
	}
	if trackedMonitor(r) || r.get(trackSender) == "" {
		return Known
	}
	m := mail{At: event.At, User: r.get(trackSender), Message: r.get(trackMessage)}
	if original := endpoint(r.get(trackOriginal)); original != endpoint(r.get(trackServer)) {
		m.Client = original
	}
	result := s.took(m, r.get(trackReturnPath), r.get(trackSender), event)
	for i := range event.Use {
		event.Use[i].Detail = strings.Clone(client)
	}
	return result
}

// foreignReport tells of what another house's Exchange reports on a message: it calls itself as ours does.
func foreignReport(r row) bool {
	return strings.EqualFold(r.get(trackDirection), "Incoming") && strings.HasPrefix(strings.ToLower(r.get(trackSender)), reporter) && !isMonitor(r.get(trackRecipients))
}

// trackedMonitor tells of the tests that Exchange sends to itself.
func trackedMonitor(r row) bool {
	return isMonitor(r.get(trackSender)) || isMonitor(r.get(trackReturnPath)) || isMonitor(r.get(trackRecipients))
}
