package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/login"
)

// stores opens mailboxes on the servers of both sides.
type stores struct {
	d       *Daemon
	servers map[string]*server
	budget  *imapstore.Budget
	refused *refusals

	mu     sync.Mutex
	lines  map[cutover.MailboxID]config.Mailbox // passwords
	breaks map[account]*imapstore.Breaks
}

// add takes the lines of new mailboxes, and new lines of old ones.
func (s *stores) add(all []mailbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range all {
		s.lines[m.ID] = m.line
	}
}

// password is asked for at each login: a reload may have brought another.
func (s *stores) password(m cutover.MailboxID, side cutover.Side) (string, error) {
	s.mu.Lock()
	line := s.lines[m]
	s.mu.Unlock()
	if side == cutover.Cloud {
		return line.Cloud.Password.Reveal()
	}
	return line.Legacy.Password.Reveal()
}

// breaksOf is what is known of breaking lines to a mailbox: its stores come and go.
func (s *stores) breaksOf(a account) *imapstore.Breaks {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.breaks[a] == nil {
		s.breaks[a] = imapstore.NewBreaks(0)
	}
	return s.breaks[a]
}

// server is what the mailboxes of one server share.
type server struct {
	config.Server
	tls    *tls.Config
	tokens login.TokenSource // nil for passwords
	pool   *pool
	dial   dial
	// waiting bounds the connections that only wait for hints to half of all, so that work always finds one.
	waiting imapstore.Limiter
	// spare bounds those among them that wait on less than an INBOX, to half again.
	spare imapstore.Limiter
}

// loginPause is how long a mailbox is left alone after a refused login.
const loginPause = 10 * time.Minute

// flagPoll is every how many polls all flags are read from a server that cannot tell which changed (no CONDSTORE): every 20 minutes at the usual poll interval.
const flagPoll = 4

// bodyMemory is what all bodies on their way between two mailboxes may take together.
const bodyMemory = 10 << 20

func (d *Daemon) openStores(context.Context) error {
	d.stores = &stores{
		d: d, servers: map[string]*server{}, lines: map[cutover.MailboxID]config.Mailbox{}, breaks: map[account]*imapstore.Breaks{}, budget: imapstore.NewBudget(bodyMemory),
		refused: newRefusals(d.opts.Clock, d.real(loginPause)),
	}
	d.stores.add(d.live.Load().mailboxes)
	for name, s := range d.cfg.Servers {
		srv, err := d.newServer(s)
		if err != nil {
			return fmt.Errorf("server %s: %w", name, err)
		}
		d.stores.servers[name] = srv
	}
	return nil
}

func (d *Daemon) newServer(s config.Server) (*server, error) {
	tlsConfig, err := d.tlsFor(s, cmp.Or(s.IMAP, s.SMTP, eachHost))
	if err != nil {
		return nil, err
	}
	tokens, err := tokensFor(s.OAuth, tlsConfig, d.opts.Clock.Now)
	if err != nil {
		return nil, err
	}
	flow := &bandwidth{timetable: s.Bandwidth, clock: d.opts.Clock, zone: time.Local}
	return &server{
		Server: s, tls: tlsConfig, tokens: tokens, dial: flow.over(connect),
		pool: newPool(s.MaxConnections), waiting: imapstore.NewLimiter(max(s.MaxConnections/2, 1)), spare: imapstore.NewLimiter(s.MaxConnections / 4),
	}, nil
}

// tlsFor is how the server at address proves who it is, and we to it.
func (d *Daemon) tlsFor(s config.Server, address string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(address)
	if domain, _, byMX := s.MX(); byMX && address == s.SMTP {
		host, err = domain, nil
	}
	if err != nil && address != "" {
		return nil, err
	}
	o := login.TLSOptions{ServerName: host, CAFile: s.CAFile, Pin: s.Fingerprint}
	if s.ClientCert != "" {
		if o.Identity, err = d.identity(s.ClientCert, s.ClientKey); err != nil {
			return nil, err
		}
	}
	return login.TLSConfig(o)
}

// tokensFor is where a server's tokens come from; nil when it has none.
func tokensFor(o config.OAuth, tlsConfig *tls.Config, now func() time.Time) (login.TokenSource, error) {
	var scopes []string
	if o.Scope != "" {
		scopes = []string{o.Scope}
	}
	switch o.Kind {
	case config.OAuthClientCredentials:
		return login.ClientCredentials(login.ClientCredentialsOptions{
			TokenURL: o.TokenURL, ClientID: o.ClientID, Secret: o.ClientSecret.Reveal, Scopes: scopes, Roots: tlsConfig.RootCAs, Now: now,
		})
	case config.OAuthServiceAccount:
		return login.ServiceAccount(login.ServiceAccountOptions{Key: fileSecret(o.KeyFile), Scopes: scopes, Roots: tlsConfig.RootCAs, Now: now})
	}
	return nil, nil
}

// fileSecret reads a file anew each time it is needed.
func fileSecret(path string) login.Secret {
	return func() (string, error) {
		data, err := os.ReadFile(path)
		return string(data), err
	}
}

// askable reports whether the configuration names a server that can be asked for the mailbox on that side.
func (s *stores) askable(m cutover.MailboxID, side cutover.Side) bool {
	s.mu.Lock()
	line := s.lines[m]
	s.mu.Unlock()
	name := line.Legacy.Server
	if side == cutover.Cloud {
		name = line.Cloud.Server
	}
	srv := s.servers[name]
	return srv != nil && srv.IMAP != ""
}

// open makes a store for a mailbox on one side; it connects at first use.
func (s *stores) open(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
	at := m.On(side)
	srv := s.servers[at.Server]
	if srv == nil || srv.IMAP == "" {
		return nil, fmt.Errorf("no IMAP server is configured on the %s side: %w", side, bridge.ErrNoServer)
	}
	c := s.credential(m.ID, srv, side, at.Login)
	return srv.pool.add(imapstore.New(imapstore.Options{
		Address: srv.IMAP, Server: at.Server, TLS: imapstore.TLSMode(srv.IMAPTLS), TLSConfig: srv.tls,
		SASL: c.SASL, Refused: c.Refused, Password: passwordLogin(c), Guard: s.guard(account{m.ID, side}, c), Limit: srv.pool, Budget: s.budget, Breaks: s.breaksOf(account{m.ID, side}), FlagPoll: flagPoll, Dial: srv.dial,
		Log: s.d.log.WithField("mailbox", m.ID),
	})), nil
}

// guard keeps all who log in to an account from trying again too soon. A refused token may have been revoked before its time: one more attempt is made with a new one.
func (s *stores) guard(a account, c *login.Credential) func(context.Context, func() error) error {
	return func(ctx context.Context, connect func() error) error {
		return s.refused.through(ctx, a, secretOf(c), func() error {
			err := connect()
			if c.Tokens != nil && errors.Is(err, bridge.ErrLogin) {
				err = connect()
			}
			return err
		})
	}
}

// secretOf tells passwords apart. One that cannot be read is like none; so are tokens, which change by themselves.
func secretOf(c *login.Credential) secret {
	if c.Password == nil {
		return secret{}
	}
	password, err := c.Password()
	if err != nil {
		return secret{}
	}
	return sha256.Sum256([]byte(password))
}

// watch makes a store that only waits.
func (s *stores) watch(m cutover.Mailbox, spare bool) (bridge.Store, error) {
	srv := s.servers[m.Legacy.Server]
	if srv == nil {
		return nil, fmt.Errorf("no server %q: %w", m.Legacy.Server, bridge.ErrUnsupported)
	}
	release, room := srv.acquireWaiting(spare)
	if !room {
		return nil, fmt.Errorf("no connection left to wait on: %w", bridge.ErrUnsupported)
	}
	store, err := s.open(m, cutover.Legacy)
	if err != nil {
		release()
		return nil, err
	}
	return &waitingStore{Store: store, release: release}, nil
}

func (s *server) acquireWaiting(spare bool) (release func(), room bool) {
	if spare && !s.spare.TryAcquire() {
		return nil, false
	}
	release = s.waiting.Release
	if spare {
		release = func() {
			s.waiting.Release()
			s.spare.Release()
		}
	}
	if !s.waiting.TryAcquire() {
		if spare {
			s.spare.Release()
		}
		return nil, false
	}
	return release, true
}

// waitingStore gives its place among the waiting back when it is closed.
type waitingStore struct {
	bridge.Store
	release func()
}

// WaitAny implements bridge.Notifier.
func (w *waitingStore) WaitAny(ctx context.Context) error {
	all, able := w.Store.(bridge.Notifier)
	if !able {
		return bridge.ErrUnsupported
	}
	return all.WaitAny(ctx)
}

func (w *waitingStore) Close() error {
	defer w.release()
	return w.Store.Close()
}

// passwordLogin is for servers that offer no SASL mechanism; tokens cannot go that way.
func passwordLogin(c *login.Credential) func() (string, string, error) {
	if c.Password == nil {
		return nil
	}
	return c.UsernamePassword
}

func (s *stores) credential(m cutover.MailboxID, srv *server, side cutover.Side, user string) *login.Credential {
	c := &login.Credential{Username: user, Tokens: srv.tokens}
	switch srv.Login {
	case config.LoginXOAuth2:
		c.Mechanism = login.XOAuth2
		return c
	case config.LoginOAuthBearer:
		c.Mechanism = login.OAuthBearer
		return c
	}
	c.Tokens, c.Password = nil, func() (string, error) { return s.password(m, side) }
	if srv.MasterUser == "" {
		return c
	}
	c.Password = srv.MasterPassword.Reveal
	if srv.AuthzID {
		c.Username, c.Authzid = srv.MasterUser, user
	} else {
		c.Username = login.MasterUser(user, "*", srv.MasterUser)
	}
	return c
}

// bears is how many mailboxes may copy at one time on a server; 0 is no limit of its own.
func (s *stores) bears(name string) int {
	if srv := s.servers[name]; srv != nil {
		return srv.MaxMailboxes
	}
	return 0
}
