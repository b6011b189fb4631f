package logtail

import (
	"net/netip"
	"strings"
)

// ExchangeIMAP is the protocol log of Exchange's IMAP and POP services: IMAP4*.LOG, POP3*.LOG. Stamps are UTC. The log is off unless it was switched on.
const ExchangeIMAP = "exchange-imap"

// The fields of that log.
const (
	popTime = iota
	popSession
	popServer
	popClient
	popUser
	popCommand
	popContext
)

var popSheet = &sheet{
	fields:   []string{"dateTime", "sessionId", "sIp", "cIp", "user", "command", "context"},
	defaults: []string{"dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"},
	split:    splitCSV,
}

// parseExchangeIMAP reads a line: one command with its result. A command that only a user who is logged in can give proves the login too, so that a session
// counts whose login was written before the log begins.
func parseExchangeIMAP(line string, s *State, event *Event) Result {
	if strings.HasPrefix(line, "#") {
		return s.directive(line, event)
	}
	r := s.cut(line, popSheet)
	at, ok := parseISO(r.get(popTime), utc)
	if !ok || r.get(popSession) == "" || r.get(popCommand) == "" {
		return Unparsed
	}
	event.At = at
	c := client{service: popService(r.get(popServer)), user: r.get(popUser), addr: endpoint(r.get(popClient))}
	switch command := strings.ToLower(r.get(popCommand)); {
	case command == "closesession" || command == "logout" || command == "quit":
		s.leave(c, event)
	case !succeeded(r.get(popContext)) || anybodys[command]:
		return Known
	default:
		s.touch(c, event)
	}
	return Parsed
}

// anybodys are the commands that a client may give without a login, and which tell nothing when they succeed.
var anybodys = map[string]bool{"opensession": true, "capability": true, "capa": true, "noop": true, "id": true, "starttls": true, "stls": true, "user": true}

// succeeded reads R=OK and R="2 OK LOGIN completed.".
func succeeded(context string) bool {
	_, result, ok := strings.Cut(context, "R=")
	if !ok {
		return false
	}
	result, _, _ = strings.Cut(result, ";")
	for word := range strings.FieldsSeq(strings.Trim(result, `"`)) {
		if word == "OK" || word == "+OK" {
			return true
		}
		if word == "NO" || word == "BAD" || word == "-ERR" {
			return false
		}
	}
	return false
}

// popService tells the services by their ports; the server's own proxies listen at others.
func popService(server string) string {
	a, err := netip.ParseAddrPort(server)
	if err != nil {
		return "IMAP"
	}
	switch a.Port() {
	case 110, 995, 1995, 1110, 9955:
		return "POP3"
	}
	return "IMAP"
}
