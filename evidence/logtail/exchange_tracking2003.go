package logtail

import (
	"strings"
	"time"
)

// The fields of message tracking of Exchange 2000 and 2003 that matter.
const (
	track2003Date = iota
	track2003Time
	track2003Client
	track2003ClientHost
	track2003Recipient
	track2003Event
	track2003Message
	track2003Sender
)

var tracking2003Sheet = &sheet{
	fields: []string{"Date", "Time", "client-ip", "Client-hostname", "Recipient-Address", "Event-ID", "MSGID", "Sender-Address"},
	defaults: []string{
		"Date\tTime\tclient-ip\tClient-hostname\tPartner-Name\tServer-hostname\tserver-IP\tRecipient-Address\tEvent-ID\tMSGID\tPriority\tRecipient-Report-Status\t" +
			"total-bytes\tNumber-Recipients\tOrigination-Time\tEncryption\tservice-Version\tLinked-MSGID\tMessage-Subject\tSender-Address",
	},
	split: splitTabs,
}

// trackingHeader2003 reads the comments that a file begins with; one of them names the columns.
func (s *State) trackingHeader2003(line string) Result {
	if header := strings.TrimPrefix(line, "# "); strings.HasPrefix(header, "Date\t") {
		s.file.Header = strings.Clone(header)
	}
	return Known
}

// The events of Exchange 2000 and 2003 that matter (Microsoft's article 821905).
const (
	submittedToQueue = "1019" // by SMTP, or behind 1027
	submittedByStore = "1027"
	deliveredToStore = "1028"
)

// tracking2003 reads a line with tabs. There is one for each recipient.
func (s *State) tracking2003(line string, event *Event) Result {
	r := s.cut(line, tracking2003Sheet)
	at, ok := stamp2003(r.get(track2003Date), r.get(track2003Time))
	if !ok || strings.Trim(r.get(track2003Event), "0123456789") != "" || r.get(track2003Event) == "" {
		return Unparsed
	}
	event.At = at
	sender, id := r.get(track2003Sender), bracketed(dashed(r.get(track2003Message)))
	m := mail{At: at, Client: endpoint(r.get(track2003Client)), Name: dashed(r.get(track2003ClientHost)), Message: id}
	if isMonitor(sender) {
		return Known
	}
	switch r.get(track2003Event) {
	case submittedToQueue:
		if !m.Client.IsValid() { // from the store, or born in the house
			return Known
		}
		return s.took(m, dashed(sender), dashed(sender), event)
	case submittedByStore:
		m.User = directoryName(sender)
		if m.User == "" {
			return Known
		}
		return s.took(m, "", m.User, event)
	case deliveredToStore:
		s.delivered(event, r.get(track2003Recipient), id, "", "")
		if len(event.Delivered) > 0 {
			return Parsed
		}
	}
	return Known
}

// stamp2003 reads 2003-8-12 and 0:58:14 GMT.
func stamp2003(date, clock string) (time.Time, bool) {
	clock, gmt := strings.CutSuffix(clock, " GMT")
	at, err := time.Parse("2006-1-2 15:4:5", date+" "+clock)
	return at, gmt && err == nil && at.Year() >= 1990
}

// dashed is a field in which a dash says that there is nothing.
func dashed(field string) string {
	if field == "-" {
		return ""
	}
	return field
}

func bracketed(id string) string {
	if id == "" || strings.HasPrefix(id, "<") || !strings.Contains(id, "@") {
		return id
	}
	return "<" + id + ">"
}

// directoryName shortens the name by which the directory knows a user: /O=EXAMPLE/OU=SITE/CN=RECIPIENTS/CN=ANNA.
func directoryName(sender string) string {
	if i := strings.LastIndexByte(sender, '='); strings.HasPrefix(sender, "/") && i >= 0 {
		return sender[i+1:]
	}
	return dashed(sender)
}
