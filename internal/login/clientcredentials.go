package login

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// ScopeMicrosoft is what an application asks for to use IMAP and SMTP of
// Microsoft 365. The tenant must have granted IMAP.AccessAsApp and
// SMTP.SendAsApp, and registered the application's service principal for the
// mailboxes.
const ScopeMicrosoft = "https://outlook.office365.com/.default"

// ClientCredentialsOptions describe an application that logs in as itself
// (RFC 6749 §4.4).
type ClientCredentialsOptions struct {
	TokenURL string // https, or http on loopback
	ClientID string
	Secret   Secret
	Scopes   []string
	// BasicAuth sends id and secret in the Authorization header (RFC 6749
	// §2.3.1) instead of the form, which is what Microsoft documents.
	BasicAuth bool
	// Roots, when not nil, replace the system's certificate authorities.
	Roots *x509.CertPool
	// Now is the time by which tokens age; nil means time.Now.
	Now func() time.Time
}

// ClientCredentials returns a source whose one token opens every mailbox the
// application has been given. It makes no request yet.
func ClientCredentials(o ClientCredentialsOptions) (*Tokens, error) {
	if o.ClientID == "" || o.Secret == nil {
		return nil, errors.New("client credentials need a client id and a secret")
	}
	e, err := newEndpoint(o.TokenURL, o.Roots)
	if err != nil {
		return nil, err
	}
	style := oauth2.AuthStyleInParams
	if o.BasicAuth {
		style = oauth2.AuthStyleInHeader
	}
	fetch := func(ctx context.Context, _ string) (*oauth2.Token, error) {
		secret, err := o.Secret()
		if err != nil {
			return nil, fmt.Errorf("reading the client secret of %s: %w", o.ClientID, err)
		}
		config := &clientcredentials.Config{
			ClientID: o.ClientID, ClientSecret: secret, TokenURL: o.TokenURL, Scopes: o.Scopes, AuthStyle: style,
		}
		return e.fetch(ctx, config.Token, secret)
	}
	return newTokens(e, fetch, false, o.Now), nil
}
