package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// tokenTimeout bounds one request for a token, from dialling to the last byte.
const tokenTimeout = 30 * time.Second

// endpoint is the HTTP side of a token source. It is used by many goroutines.
type endpoint struct {
	url       *url.URL
	transport *http.Transport
}

// newEndpoint refuses an address over which a secret would travel in the clear.
func newEndpoint(address string, roots *x509.CertPool) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("token address %q is not a URL", address)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("token address of %s must begin with https://", u.Host)
	}
	return &endpoint{url: u, transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: tokenTimeout,
		MaxIdleConnsPerHost: 2,
		MaxConnsPerHost:     8,
		IdleConnTimeout:     30 * time.Second,
		ForceAttemptHTTP2:   true,
	}}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// fetch runs one request of x/oauth2, which takes our HTTP client from its
// context, and classifies its failure. The secrets are kept out of the error.
func (e *endpoint) fetch(ctx context.Context, get func(context.Context) (*oauth2.Token, error), secrets ...string) (*oauth2.Token, error) {
	limited, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	bound := &boundTransport{ctx: limited, next: e.transport}
	client := &http.Client{
		Transport: bound,
		// A redirect would carry the secret to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	token, err := get(context.WithValue(limited, oauth2.HTTPClient, client))
	switch {
	case err == nil && token.AccessToken != "":
		return token, nil
	case err == nil:
		err = errNoToken
	case ctx.Err() != nil:
		return nil, fmt.Errorf("fetching a token from %s: %w", e.url.Host, ctx.Err())
	}
	return nil, tokenError(e.url.Host, err, bound.failed, secrets)
}

// boundTransport ties requests to a context, which x/oauth2/jwt does not do, and
// remembers the error that x/oauth2 flattens to text. It serves one fetch, in
// one goroutine.
type boundTransport struct {
	ctx    context.Context
	next   http.RoundTripper
	failed error
}

// RoundTrip implements http.RoundTripper.
func (b *boundTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req.WithContext(b.ctx))
	b.failed = err
	return resp, err
}
