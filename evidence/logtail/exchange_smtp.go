package logtail

import (
	"strings"
)

// ExchangeSMTP is the protocol log of what Exchange receives by SMTP: RECV*.LOG. Stamps are UTC.
const ExchangeSMTP = "exchange-smtp"

// The fields of the protocol log.
const (
	recvTime = iota
	recvConnector
	recvSession
	recvRemote
	recvEvent
	recvData
	recvContext
)

var recvSheet = &sheet{
	fields:   []string{"date-time", "connector-id", "session-id", "remote-endpoint", "event", "data", "context"},
	defaults: []string{"date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"},
	split:    splitCSV,
}

// parseExchangeSMTP reads a line of a session: + it begins, < the client says, > the server says, * a remark, - it ends.
func parseExchangeSMTP(line string, s *State, event *Event) Result {
	if strings.HasPrefix(line, "#") {
		return s.directive(line, event)
	}
	r := s.cut(line, recvSheet)
	at, ok := parseISO(r.get(recvTime), utc)
	id := r.get(recvSession)
	if !ok || id == "" || len(r.get(recvEvent)) != 1 {
		return Unparsed
	}
	event.At = at
	if strings.Contains(r.get(recvConnector), `\Outbound Proxy `) {
		return Known // by which the server's own mail goes out
	}
	d := s.dialog(id)
	if d == nil || r.get(recvEvent) == "+" {
		d = s.converse(id, dialog{Service: "SMTP", Client: endpoint(r.get(recvRemote)), Submission: strings.Contains(r.get(recvConnector), `\Client `)})
	}
	d.At = at
	switch r.get(recvEvent) {
	case "+", "-":
		if r.get(recvEvent) == "-" {
			s.dialogs.remove(id)
		}
		return Parsed
	case "<":
		d.exchangeCommand(r.get(recvData))
		return Parsed
	case ">":
		if d.reply(r.get(recvData)) == accepted {
			return s.exchangeTook(d, r.get(recvData), event)
		}
		return Parsed
	case "*":
		if strings.EqualFold(r.get(recvContext), "authenticated") {
			d.User, d.Authentic = strings.Clone(r.get(recvData)), true
		}
		return Known
	}
	return Unparsed
}

// exchangeCommand also learns the true client from the front end, which names it by XPROXY before it hands on what that says.
func (d *dialog) exchangeCommand(text string) {
	if !strings.HasPrefix(text, "XPROXY") {
		d.command(text)
		return
	}
	for word := range strings.FieldsSeq(text) {
		if ip, ok := strings.CutPrefix(word, "IP="); ok {
			d.Client, d.Name = endpoint(ip), ""
			d.User, d.Authentic = "", false // the front end's own account
		}
	}
	d.Awaits = ""
}

// exchangeTook reads 250 2.6.0 <id> [InternalId=…] Queued mail for delivery. What comes from another Exchange server was counted where it came in.
func (s *State) exchangeTook(d *dialog, reply string, event *Event) Result {
	if isMonitor(d.User) || isMonitor(d.From) {
		return Known
	}
	return s.took(d.mail(event.At, savedAs(reply)), d.From, d.From, event)
}
