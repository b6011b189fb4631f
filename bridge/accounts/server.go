package accounts

import (
	"crypto/tls"
	"net/http"

	"posthouse/bridge/imapstore"
	"posthouse/internal/login"
)

// Server is what the mailboxes of one server share.
type Server struct {
	IMAP    string // host:port; "": it has none
	IMAPTLS imapstore.TLSMode
	TLS     *tls.Config

	DAV    func(login string) string // where a login's calendars and address books lie; nil: nowhere
	Files  func(login string) string // or their folder; nil: none
	DAVTLS *tls.Config               // for hosts that are each verified by their own name

	Mechanism string            // of logins with a token; "": they are by password
	Tokens    login.TokenSource // nil for passwords
	Master    *Master           // opens all mailboxes; nil: each has its own password

	Connections int
	Mailboxes   int          // that may copy at one time; 0: no limit of its own
	Rate        func() int64 // octets a second that all connections may move together now; nil: there is no limit
	Dial        Dial
}

// Master is a user who may open others' mailboxes.
type Master struct {
	User     string
	Password func() (string, error)
	Authzid  bool // the mailbox is named as the authorization identity
}

type server struct {
	Server
	pool      *pool
	dial      Dial
	transport *http.Transport // for calendars and address books: bounds their connections
	// waiting bounds the connections that only wait for hints to half of all, so that work always finds one.
	waiting imapstore.Limiter
	// spare bounds those among them that wait on less than an INBOX, to half again.
	spare imapstore.Limiter
}

func newServer(s Server) *server {
	flow := &bandwidth{rate: s.Rate}
	srv := &server{
		Server: s, dial: flow.over(s.Dial),
		pool: newPool(s.Connections), waiting: imapstore.NewLimiter(max(s.Connections/2, 1)), spare: imapstore.NewLimiter(s.Connections / 4),
	}
	if s.DAV != nil {
		srv.transport = davTransport(srv)
	}
	return srv
}
