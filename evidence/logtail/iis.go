package logtail

import (
	"net/url"
	"strings"
	"time"
)

// IIS is the log of the web server under Exchange, in W3C's extended format: u_ex*.log, ex*.log. Stamps are UTC.
const IIS = "iis"

// The fields of that log.
const (
	iisDate = iota
	iisTime
	iisStem
	iisQuery
	iisPort
	iisUser
	iisClient
	iisAgent
	iisStatus
	iisForwarded
)

var iisSheet = &sheet{
	fields: []string{
		"date", "time", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip", "cs(User-Agent)", "sc-status", "X-Forwarded-For",
	},
	defaults: []string{
		"date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status",
		"date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken",
		"date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
	},
	split: splitSpaces,
}

// iisServices are the paths by which users read their mail, the first part of the path in lower case: since Exchange 2000.
var iisServices = map[string]string{
	"microsoft-server-activesync": "EAS", "ews": "EWS", "mapi": "MAPI", "owa": "OWA", "ecp": "ECP", "rpc": "RPCHTTP", "exchange": "OWA", "public": "OWA",
}

// backEnd is the port of the second site, at which requests come again that the first one handed on.
const backEnd = "444"

// parseIIS reads a line: one request.
func parseIIS(line string, s *State, event *Event) Result {
	if strings.HasPrefix(line, "#") {
		return s.directive(line, event)
	}
	r := s.cut(line, iisSheet)
	date, clock := r.get(iisDate), r.get(iisTime)
	if len(date) != len("2006-01-02") || len(clock) < len("15:04:05") || r.get(iisStem) == "" {
		return Unparsed
	}
	at, ok := iisStamp(line, date, clock)
	if !ok {
		return Unparsed
	}
	event.At = at
	service := iisServices[firstPart(r.get(iisStem))]
	if service == "" || r.get(iisPort) == backEnd || !fine(r.get(iisStatus)) {
		return Known
	}
	c := client{service: service, user: dashed(r.get(iisUser)), agent: iisAgentOf(r), addr: endpoint(r.get(iisClient))}
	if forwarded := firstAddress(r.get(iisForwarded)); forwarded.IsValid() {
		c.addr = forwarded
	}
	if c.user == "" && service == "EAS" {
		c.user = queried(r.get(iisQuery), "User")
	}
	if c.user == "" || isProbe(c) {
		return Known
	}
	s.touch(c, event)
	return Parsed
}

// iisStamp reads date and time, which as a rule stand side by side.
func iisStamp(line, date, clock string) (at time.Time, ok bool) {
	if both := len(date) + 1 + len(clock); strings.HasPrefix(line, date) && len(line) > both && line[len(date)+1:both] == clock {
		return parseISO(line[:both], utc)
	}
	return parseISO(date+" "+clock, utc)
}

// firstPart is the first part of a path, in lower case.
func firstPart(path string) string {
	part, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if len(part) > 40 {
		return ""
	}
	return strings.ToLower(part)
}

// iisAgentOf names the device, or else the software; blanks stand as plus signs.
func iisAgentOf(r row) string {
	if device := queried(r.get(iisQuery), "DeviceType"); device != "" {
		return device
	}
	return strings.ReplaceAll(dashed(r.get(iisAgent)), "+", " ")
}

// queried is the value of a parameter of a query.
func queried(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			if plain, err := url.QueryUnescape(value); err == nil {
				return plain
			}
			return value
		}
	}
	return ""
}
