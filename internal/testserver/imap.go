package testserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// IMAPConfig says how an IMAP server behaves. The zero value is a friendly, modern server without TLS.
type IMAPConfig struct {
	// Addr is where to listen; empty means a free port of 127.0.0.1.
	Addr string
	// TLS offers STARTTLS, or with Implicit is spoken from the first octet. nil means cleartext.
	TLS      *tls.Config
	Implicit bool
	// RequireTLS refuses logins over cleartext (LOGINDISABLED).
	RequireTLS bool
	// Without names capabilities to hide: any of Capabilities.
	Without []string
	// AppendLimit, if not 0, is announced as APPENDLIMIT=n; larger messages are refused before their octets are read. imapserver mistakes
	// the octets of a refused non-synchronising literal for commands, so ask with synchronising literals there.
	AppendLimit uint32
	// MaxSessions refuses more simultaneous logins of one user with NO [LIMIT]. 0 means no limit.
	MaxSessions int
	// NoKeywords is Microsoft 365's way: PERMANENTFLAGS without \*, and keywords are refused with BAD.
	NoKeywords bool
	// MergeEqual is Gmail's way: an APPEND of bytes that the folder holds already answers with the UID of the first copy.
	MergeEqual bool
	// Appended and Delivered are what becomes of messages that a client appends, and of those that come by SMTP (DeliverEnvelope, Deliver).
	Appended, Delivered Rendering
	// EstimateSize is Exchange's way: RFC822.SIZE is not how many octets there are.
	EstimateSize bool
	// Hook, if set, is asked before and after each command. It is called from many goroutines and without locks held; the
	// server's own methods may be used in it.
	Hook func(IMAPCall) *IMAPFault
	// Logf, if set, receives what imapserver has to complain about.
	Logf func(format string, args ...any)
}

// Capabilities lists what IMAPConfig.Without can hide. IDLE, UNSELECT, ENABLE, SASL-IR and LITERAL- are always there; MULTIAPPEND, CONDSTORE,
// QRESYNC and COMPRESS never, because imapserver does not speak them.
func Capabilities() []string {
	names := make([]string, len(capabilities))
	for i, c := range capabilities {
		names[i] = string(c)
	}
	return names
}

var capabilities = []imap.Cap{
	imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapListExtended, imap.CapListStatus, imap.CapMove,
	imap.CapStatusSize, imap.CapChildren, imap.CapSpecialUse, imap.CapCreateSpecialUse, imap.CapLiteralPlus,
}

// IMAP is an IMAP server with mail in memory. All methods are safe for concurrent use.
type IMAP struct {
	listener
	cfg    IMAPConfig
	caps   imap.CapSet
	server *imapserver.Server

	accountsMu sync.Mutex
	accounts   map[string]*account
	masters    map[string]string
}

// NewIMAP prepares a server without users.
func NewIMAP(cfg IMAPConfig) *IMAP {
	s := &IMAP{
		cfg: cfg, accounts: make(map[string]*account), masters: make(map[string]string),
		caps: imap.CapSet{imap.CapIMAP4rev1: {}},
	}
	for _, c := range capabilities {
		if !slices.Contains(cfg.Without, string(c)) {
			s.caps[c] = struct{}{}
		}
	}
	options := &imapserver.Options{
		NewSession:   s.newSession,
		Caps:         s.caps,
		Logger:       logger(cfg.Logf),
		InsecureAuth: !cfg.RequireTLS,
	}
	if cfg.TLS != nil && !cfg.Implicit {
		options.TLSConfig = cfg.TLS
	}
	s.server = imapserver.New(options)
	return s
}

// Start listens and serves until Stop.
func (s *IMAP) Start() error {
	if err := s.start(s.cfg.Addr, s.serve); err != nil {
		return fmt.Errorf("starting the IMAP test server: %w", err)
	}
	return nil
}

// Stop ends all sessions. The mail stays, and Start serves it again on the same address.
func (s *IMAP) Stop() { s.stop() }

// serve hands one connection to imapserver, which knows only listeners. imapserver closes the connection when its session has ended.
func (s *IMAP) serve(conn net.Conn) {
	if s.cfg.Implicit && s.cfg.TLS != nil {
		conn = tls.Server(conn, s.cfg.TLS)
	}
	_ = s.server.Serve(&single{conn: conn})
}

// single is a listener of exactly one connection.
type single struct {
	conn net.Conn
}

func (l *single) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return &net.TCPAddr{} }

type logger func(format string, args ...any)

func (l logger) Printf(format string, args ...any) {
	if l != nil {
		l(format, args...)
	}
}

// AddUser adds an account with an empty INBOX.
func (s *IMAP) AddUser(name, password string) {
	s.accountsMu.Lock()
	defer s.accountsMu.Unlock()
	s.accounts[name] = newAccount(name, password)
}

// AddMaster lets PLAIN logins with this identity act for any user (RFC 4616 authorization identity).
func (s *IMAP) AddMaster(name, password string) {
	s.accountsMu.Lock()
	defer s.accountsMu.Unlock()
	s.masters[name] = password
}

// SetPassword changes an account's password; open sessions go on.
func (s *IMAP) SetPassword(name, password string) error {
	return s.with(name, func(a *account) error {
		a.password = password
		return nil
	})
}

// SetToken sets the bearer token that XOAUTH2 and OAUTHBEARER accept for the user. Empty refuses all.
func (s *IMAP) SetToken(name, token string) error {
	return s.with(name, func(a *account) error {
		a.token = token
		return nil
	})
}

// Users returns the names of the accounts, sorted.
func (s *IMAP) Users() []string {
	s.accountsMu.Lock()
	defer s.accountsMu.Unlock()
	names := make([]string, 0, len(s.accounts))
	for name := range s.accounts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Sessions returns how many connections are logged in as the user.
func (s *IMAP) Sessions(user string) int {
	n := 0
	_ = s.with(user, func(a *account) error {
		n = a.sessions
		return nil
	})
	return n
}

func (s *IMAP) account(name string) *account {
	s.accountsMu.Lock()
	defer s.accountsMu.Unlock()
	return s.accounts[name]
}

// with runs f with the user's account locked.
func (s *IMAP) with(user string, f func(*account) error) error {
	a := s.account(user)
	if a == nil {
		return fmt.Errorf("%w: %s", ErrNoUser, user)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return f(a)
}

// asIMAP turns the store's errors into the answers that RFC 3501 and RFC 5530 know.
func asIMAP(err error) error {
	code := imap.ResponseCode("")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoFolder):
		code = imap.ResponseCodeNonExistent
	case errors.Is(err, ErrExists):
		code = imap.ResponseCodeAlreadyExists
	default:
		return err
	}
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: err.Error()}
}
