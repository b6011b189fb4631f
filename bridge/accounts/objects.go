package accounts

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/bridge/filestore"
	"posthouse/cutover"
)

func davTransport(s *server) *http.Transport {
	return &http.Transport{
		DialContext: s.dial, MaxConnsPerHost: s.Connections, MaxIdleConnsPerHost: s.Connections, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, TLSClientConfig: s.DAVTLS,
	}
}

// OpenObjects makes a store for a mailbox's calendars and address books on one side.
func (s *Accounts) OpenObjects(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
	at := m.On(side)
	srv := s.servers[at.Server]
	switch {
	case srv != nil && srv.Files != nil:
		return openFiles(srv.Files, at.Login)
	case srv == nil || srv.DAV == nil:
		return nil, fmt.Errorf("no calendar server is configured on the %s side: %w", side, bridge.ErrNoServer)
	}
	a := account{m.ID, side}
	c := s.credential(a, srv, at.Login)
	var addresses []string
	for _, of := range append([]cutover.Address{m.Primary}, m.Aliases...) {
		addresses = append(addresses, string(of.Fold()))
	}
	auth := &davAuth{login: at.Login, tokens: c.Tokens}
	if c.Password != nil {
		auth.password = c.UsernamePassword
	}
	return davstore.New(davstore.Options{
		URL: srv.DAV(at.Login), Server: at.Server, Addresses: addresses, Transport: srv.transport,
		Authorize: auth.authorize, Refused: auth.refused, Log: s.cfg.Log.WithField("mailbox", m.ID), Guard: guard(s.objects, a, c),
	}), nil
}

// CloseIdle ends connections to calendar servers that nobody uses.
func (s *Accounts) CloseIdle() {
	for _, srv := range s.servers {
		if srv.transport != nil {
			srv.transport.CloseIdleConnections()
		}
	}
}

// openFiles makes a store of the files that lie in a login's folder. A login that is no plain name leads nowhere.
func openFiles(folder func(login string) string, login string) (bridge.Store, error) {
	if login == "" || strings.HasPrefix(login, ".") || strings.ContainsAny(login, "/\\\x00") {
		return nil, fmt.Errorf("%q is no name of a folder: %w", login, bridge.ErrNoServer)
	}
	return filestore.New(filestore.Options{Dir: folder(login)}), nil
}

// davAuth proves who we are, by a password (RFC 7617) or a token (RFC 6750).
type davAuth struct {
	login    string
	password func() (user, password string, err error)
	tokens   interface {
		Token(ctx context.Context, mailbox string) (string, error)
		Invalidate(mailbox, token string)
	}

	mu   sync.Mutex
	last string // the token that was used last
}

func (a *davAuth) authorize(r *http.Request) error {
	if a.tokens == nil {
		user, password, err := a.password()
		if err == nil {
			r.SetBasicAuth(user, password)
		}
		return err
	}
	token, err := a.tokens.Token(r.Context(), a.login)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.last = token
	a.mu.Unlock()
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func (a *davAuth) refused() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens != nil && a.last != "" {
		a.tokens.Invalidate(a.login, a.last)
	}
}
