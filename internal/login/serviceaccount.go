package login

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

// ScopeGoogle is what a service account asks for to use IMAP and SMTP of Google
// Workspace. An administrator must have granted it domain-wide delegation for
// exactly this scope.
const ScopeGoogle = "https://mail.google.com/"

// ServiceAccountOptions describe a Google service account with domain-wide
// delegation.
type ServiceAccountOptions struct {
	// Key reveals the JSON file that Google's console gives out.
	Key    Secret
	Scopes []string
	// Roots, when not nil, replace the system's certificate authorities.
	Roots *x509.CertPool
	// Now is the time by which tokens age; nil means time.Now.
	Now func() time.Time
}

// ServiceAccount returns a source that has a token for each mailbox, on whose
// behalf the account signs an assertion (RFC 7523). It makes no request, but
// reads the key once: a key that is not usable is an error now. The key is read
// again for each request; its token_uri only now.
func ServiceAccount(o ServiceAccountOptions) (*Tokens, error) {
	if o.Key == nil {
		return nil, errors.New("a service account needs its key")
	}
	first, err := readKey(o.Key)
	if err != nil {
		return nil, err
	}
	e, err := newEndpoint(first.TokenURI, o.Roots)
	if err != nil {
		return nil, fmt.Errorf("service account's token_uri: %w", err)
	}
	fetch := func(ctx context.Context, mailbox string) (*oauth2.Token, error) {
		key, err := readKey(o.Key)
		if err != nil {
			return nil, err
		}
		config := &jwt.Config{
			Email: key.ClientEmail, PrivateKey: []byte(key.PrivateKey), PrivateKeyID: key.PrivateKeyID,
			Subject: mailbox, Scopes: o.Scopes, TokenURL: first.TokenURI,
		}
		get := func(ctx context.Context) (*oauth2.Token, error) { return config.TokenSource(ctx).Token() }
		token, err := e.fetch(ctx, get, key.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("acting for %s: %w", mailbox, err)
		}
		return token, nil
	}
	return newTokens(e, fetch, true, o.Now), nil
}

// accountKey is the part that matters of Google's key file.
type accountKey struct {
	Type         string `json:"type"`
	ClientEmail  string `json:"client_email"`
	PrivateKey   string `json:"private_key"`
	PrivateKeyID string `json:"private_key_id"`
	TokenURI     string `json:"token_uri"`
}

// readKey says what is wrong with a key file without quoting it.
func readKey(reveal Secret) (*accountKey, error) {
	text, err := reveal()
	if err != nil {
		return nil, fmt.Errorf("reading the service account's key: %w", err)
	}
	var key accountKey
	switch err := json.Unmarshal([]byte(text), &key); {
	case err != nil:
		return nil, errors.New("the service account's key is not JSON as Google's console gives it out")
	case key.Type != "service_account":
		return nil, errors.New(`the service account's key is of another type than "service_account"`)
	case key.ClientEmail == "" || key.PrivateKey == "" || key.TokenURI == "":
		return nil, errors.New("the service account's key lacks client_email, private_key or token_uri")
	case !isRSAKey(key.PrivateKey):
		return nil, errors.New("the service account's private_key is not an RSA key in PEM")
	}
	return &key, nil
}

func isRSAKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		_, ok := parsed.(*rsa.PrivateKey)
		return ok
	}
	_, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return err == nil
}
