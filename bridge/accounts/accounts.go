package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/login"
)

// Config is what accounts are opened by.
type Config struct {
	Servers map[string]Server
	Clock   clock.Clock
	Real    func(time.Duration) time.Duration // stretches a span of real time to the clock's
	Log     logrus.FieldLogger
}

// Login is how a mailbox is opened on one side.
type Login struct {
	Server   string
	Password func() (string, error) // the mailbox's own
}

// Accounts opens mailboxes on the servers of both sides. Safe for concurrent use.
type Accounts struct {
	cfg     Config
	servers map[string]*server
	budget  *imapstore.Budget
	// Mail and objects are refused apart: neither waits for the other's servers.
	mail, objects *refusals

	mu     sync.Mutex
	logins map[account]Login
	breaks map[account]*imapstore.Breaks
}

// loginPause is how long a mailbox is left alone after a refused login.
const loginPause = 10 * time.Minute

// flagPoll is every how many polls all flags are read from a server that cannot tell which changed (no CONDSTORE): every 20 minutes at the usual poll interval.
const flagPoll = 4

// bodyMemory is what all bodies on their way between two mailboxes may take together.
const bodyMemory = 10 << 20

// New connects to nothing yet.
func New(cfg Config) *Accounts {
	a := &Accounts{
		cfg: cfg, servers: map[string]*server{}, budget: imapstore.NewBudget(bodyMemory), logins: map[account]Login{}, breaks: map[account]*imapstore.Breaks{},
		mail: newRefusals(cfg.Clock, cfg.Real(loginPause)), objects: newRefusals(cfg.Clock, cfg.Real(loginPause)),
	}
	for name, s := range cfg.Servers {
		a.servers[name] = newServer(s)
	}
	return a
}

// Add takes the logins of a new mailbox, or new ones of an old one: they are asked for at each login.
func (s *Accounts) Add(m cutover.MailboxID, legacy, cloud Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins[account{m, cutover.Legacy}], s.logins[account{m, cutover.Cloud}] = legacy, cloud
}

func (s *Accounts) login(a account) Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins[a]
}

// breaksOf is what is known of breaking lines to a mailbox: its stores come and go.
func (s *Accounts) breaksOf(a account) *imapstore.Breaks {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.breaks[a] == nil {
		s.breaks[a] = imapstore.NewBreaks(0)
	}
	return s.breaks[a]
}

// Askable reports whether there is a server that can be asked for the mailbox on that side.
func (s *Accounts) Askable(m cutover.MailboxID, side cutover.Side) bool {
	srv := s.servers[s.login(account{m, side}).Server]
	return srv != nil && srv.IMAP != ""
}

// Bears is how many mailboxes may copy at one time on a server; 0 is no limit of its own.
func (s *Accounts) Bears(name string) int {
	if srv := s.servers[name]; srv != nil {
		return srv.Mailboxes
	}
	return 0
}

// Insist grants a mailbox that rests after a refused login one more try: a person asks, who may have mended something on the server.
func (s *Accounts) Insist(ctx context.Context, m cutover.MailboxID) error {
	return s.mail.insist(ctx, m)
}

// InsistOnObjects does so for its calendars and address books.
func (s *Accounts) InsistOnObjects(ctx context.Context, m cutover.MailboxID) error {
	return s.objects.insist(ctx, m)
}

// Open makes a store for a mailbox on one side; it connects at first use.
func (s *Accounts) Open(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
	at := m.On(side)
	srv := s.servers[at.Server]
	if srv == nil || srv.IMAP == "" {
		return nil, fmt.Errorf("no IMAP server is configured on the %s side: %w", side, bridge.ErrNoServer)
	}
	a := account{m.ID, side}
	c := s.credential(a, srv, at.Login)
	return srv.pool.add(imapstore.New(imapstore.Options{
		Address: srv.IMAP, Server: at.Server, TLS: srv.IMAPTLS, TLSConfig: srv.TLS,
		SASL: c.SASL, Refused: c.Refused, Password: passwordLogin(c), Guard: guard(s.mail, a, c), Limit: srv.pool, Budget: s.budget, Breaks: s.breaksOf(a), FlagPoll: flagPoll, Dial: srv.dial,
		Log: s.cfg.Log.WithField("mailbox", m.ID),
	})), nil
}

// guard keeps all who log in to an account from trying again too soon. A refused token may have been revoked before its time: one more attempt is made with a new one.
func guard(r *refusals, a account, c *login.Credential) func(context.Context, func() error) error {
	return func(ctx context.Context, connect func() error) error {
		return r.through(ctx, a, secretOf(c), func() error {
			err := connect()
			if c.Tokens != nil && errors.Is(err, bridge.ErrLogin) {
				err = connect()
			}
			return err
		})
	}
}
