package logtail

import (
	"strings"
)

// ExchangeProxy is the log of Exchange's front end for HTTP: HttpProxy_*.LOG in the folders Eas, Ews, Mapi, Owa, Ecp, RpcHttp. Stamps are UTC.
const ExchangeProxy = "exchange-proxy"

// The fields of that log.
const (
	proxyTime = iota
	proxyProtocol
	proxyAuthentic
	proxyUser
	proxyAgent
	proxyClient
	proxyStatus
)

var proxySheet = &sheet{
	fields: []string{"DateTime", "Protocol", "IsAuthenticated", "AuthenticatedUser", "UserAgent", "ClientIpAddress", "HttpStatus"},
	defaults: []string{
		"DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem,ProtocolAction,AuthenticationType," +
			"IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method",
	},
	split: splitCSV,
}

// proxied are the protocols by which users read their mail. Autodiscover, address books and the server's own remote control are none.
var proxied = map[string]bool{"eas": true, "ews": true, "mapi": true, "owa": true, "ecp": true, "rpchttp": true}

// parseExchangeProxy reads a line: one request. The file's first line may name the columns without a directive.
func parseExchangeProxy(line string, s *State, event *Event) Result {
	if strings.HasPrefix(line, "#") {
		return s.directive(line, event)
	}
	if strings.HasPrefix(line, "DateTime,") {
		s.file.Header = strings.Clone(line)
		return Known
	}
	r := s.cut(line, proxySheet)
	at, ok := parseISO(r.get(proxyTime), utc)
	if !ok || r.get(proxyProtocol) == "" {
		return Unparsed
	}
	event.At = at
	c := client{service: strings.ToUpper(r.get(proxyProtocol)), user: r.get(proxyUser), agent: r.get(proxyAgent), addr: firstAddress(r.get(proxyClient))}
	if !strings.EqualFold(r.get(proxyAuthentic), "true") || c.user == "" || !fine(r.get(proxyStatus)) || !proxied[strings.ToLower(c.service)] || isProbe(c) {
		return Known
	}
	s.touch(c, event)
	return Parsed
}

// fine tells whether a request was served, by its HTTP status. Who is sent elsewhere has yet to log in: the web's login answers a wrong password so too.
func fine(status string) bool { return len(status) == 3 && status[0] == '2' }

// isProbe tells of requests by which Exchange tests itself. They come from the server, by ::1, or say what they are.
func isProbe(c client) bool {
	return isMonitor(c.user) || c.addr.Is6() && c.addr.IsLoopback() || strings.Contains(c.agent, "AMProbe") || strings.Contains(c.agent, "MSExchangeMonitoring")
}
