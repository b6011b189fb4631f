package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"posthouse/bridge/accounts"
	"posthouse/bridge/imapstore"
	"posthouse/config"
	"posthouse/internal/login"
)

func (d *Daemon) openStores(context.Context) error {
	servers := map[string]accounts.Server{}
	for name, s := range d.cfg.Servers {
		srv, err := d.newServer(s)
		if err != nil {
			return fmt.Errorf("server %s: %w", name, err)
		}
		servers[name] = srv
	}
	d.tokens = map[string]login.TokenSource{}
	for name, s := range servers {
		d.tokens[name] = s.Tokens
	}
	d.stores = accounts.New(accounts.Config{Servers: servers, Clock: d.opts.Clock, Real: d.real, Log: d.log})
	d.addAccounts(d.live.Load().mailboxes)
	return nil
}

// addAccounts takes the lines of new mailboxes, and new lines of old ones.
func (d *Daemon) addAccounts(all []mailbox) {
	for _, m := range all {
		legacy, cloud := m.line.Legacy, m.line.Cloud
		d.stores.Add(m.ID, accounts.Login{Server: legacy.Server, Password: legacy.Password.Reveal}, accounts.Login{Server: cloud.Server, Password: cloud.Password.Reveal})
	}
}

// eachHost stands for the host where many are verified, each by its own name.
const eachHost = "each.invalid:443"

// newServer is a server as the accounts on it are opened.
func (d *Daemon) newServer(s config.Server) (srv accounts.Server, err error) {
	srv = accounts.Server{IMAP: s.IMAP, IMAPTLS: imapstore.TLSMode(s.IMAPTLS), Connections: s.MaxConnections, Mailboxes: s.MaxMailboxes, Dial: connect}
	if srv.TLS, err = d.tlsFor(s, cmp.Or(s.IMAP, s.SMTP, eachHost)); err != nil {
		return srv, err
	}
	if srv.Tokens, err = tokensFor(s.OAuth, srv.TLS, d.opts.Clock.Now); err != nil {
		return srv, err
	}
	switch {
	case s.Login == config.LoginXOAuth2:
		srv.Mechanism = login.XOAuth2
	case s.Login == config.LoginOAuthBearer:
		srv.Mechanism = login.OAuthBearer
	case s.MasterUser != "":
		srv.Master = &accounts.Master{User: s.MasterUser, Password: s.MasterPassword.Reveal, Authzid: s.AuthzID}
	}
	if len(s.Bandwidth) > 0 {
		srv.Rate = func() int64 { return int64(config.BandwidthAt(s.Bandwidth, d.opts.Clock.Now().In(time.Local))) }
	}
	return d.withObjects(s, srv)
}

// withObjects adds where a server has calendars and address books.
func (d *Daemon) withObjects(s config.Server, srv accounts.Server) (accounts.Server, error) {
	if dir, files := strings.CutPrefix(s.DAV, config.DAVFiles); files {
		srv.Files = func(login string) string { return strings.ReplaceAll(dir, config.DAVLogin, login) }
		return srv, nil
	}
	if s.DAV == "" {
		return srv, nil
	}
	srv.DAV = func(login string) string { return strings.ReplaceAll(s.DAV, config.DAVLogin, url.PathEscape(login)) }
	var err error
	if srv.DAVTLS, err = d.tlsFor(s, eachHost); err == nil {
		srv.DAVTLS.ServerName = "" // the transport verifies each host by its own name: some services have many
	}
	return srv, err
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
