package daemon_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/config"
	"posthouse/internal/clock/clocktest"
	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/internal/testserver"
)

// tokenEndpoint gives numbered tokens to those who know the secret, for an hour, and says which are good.
type tokenEndpoint struct {
	mu     sync.Mutex
	secret string
	issued int
	good   map[string]bool
	tried  []string // what was presented to log in
}

func newTokenEndpoint(t *testing.T) (e *tokenEndpoint, url string) {
	e = &tokenEndpoint{secret: "client secret", good: map[string]bool{}}
	web := httptest.NewServer(e)
	t.Cleanup(web.Close)
	return e, web.URL
}

func (e *tokenEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.FormValue("client_secret") != e.secret {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"AADSTS7000222: %s is expired"}`, r.FormValue("client_secret"))
		return
	}
	e.issued++
	token := fmt.Sprintf("token-%d", e.issued)
	e.good[token] = true
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
}

// login is what the SMTP server asks.
func (e *tokenEndpoint) login(user, token string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tried = append(e.tried, token)
	return user == "posthouse@example.com" && e.good[token]
}

// revoke ends all tokens, and says what may be asked for from now on.
func (e *tokenEndpoint) revoke(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.good)
	e.secret = secret
}

func (e *tokenEndpoint) presented() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.tried, " ")
}

// startWithTokens starts a daemon that knows no password of the cloud's SMTP, on a clock that can leap.
func startWithTokens(t *testing.T) (b *bed, e *tokenEndpoint, j *clocktest.Clock) {
	t.Helper()
	e, url := newTokenEndpoint(t)
	b = newBed(t, layout{mx: testserver.SMTPConfig{Token: e.login, RequireAuth: true}})
	cfg := b.config()
	cloud := cfg.Servers["cloud"]
	cloud.SMTPAuth, cloud.SMTPLogin = config.SMTPAuthXOAuth2, "posthouse@example.com"
	cloud.OAuth = config.OAuth{Kind: config.OAuthClientCredentials, TokenURL: url, ClientID: "app", ClientSecret: config.LiteralSecret("client secret"), Scope: "smtp"}
	cfg.Servers["cloud"] = cloud
	j = clocktest.New()
	b.clock = j
	b.daemon = b.newWith(cfg, func(o *daemon.Options) { o.Speed = 2 })
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(b.stop)
	return b, e, j
}

// The cloud's SMTP takes tokens: one serves until it is old, and one that was revoked before its time is replaced within the login, so that no mail waits for it.
func TestSMTPLoginByTokens(t *testing.T) {
	b, e, j := startWithTokens(t)
	first := b.send("one", "x@sender.example", "anna@example.com")
	b.until("it to arrive", settled(1))
	b.mx.Stop() // ends the session that is logged in
	must(t, b.mx.Start())
	b.send("two", "x@sender.example", "anna@example.com")
	b.until("the second", settled(2))
	if got := e.presented(); got != "token-1 token-1" {
		t.Errorf("presented %s, want the one token twice", got)
	}
	e.revoke("client secret")
	j.Set(2 * time.Minute) // the token is no longer new
	b.mx.Stop()
	must(t, b.mx.Start())
	b.send("three", "x@sender.example", "anna@example.com")
	s := b.until("the third", settled(3))
	if got := e.presented(); got != "token-1 token-1 token-1 token-2" || len(s.Queue.Waiting) != 0 {
		t.Errorf("presented %s", got)
	}
	j.Set(58 * time.Minute) // not yet refused, but old
	b.mx.Stop()
	must(t, b.mx.Start())
	last := b.send("four", "x@sender.example", "anna@example.com")
	b.until("the fourth", settled(4))
	if got := e.presented(); got != "token-1 token-1 token-1 token-2 token-3" {
		t.Errorf("presented %s", got)
	}
	b.once(b.cloud, "anna@example.com", first)
	b.once(b.cloud, "anna@example.com", last)
}

// A token endpoint that refuses us: mail waits and says why, without the secret; when it takes us again everything arrives.
func TestTokenEndpointRefuses(t *testing.T) {
	b, e, _ := startWithTokens(t)
	e.revoke("another secret")
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if w := s.Queue.Waiting[0]; w.Class != "login" || !strings.Contains(w.Why, "AADSTS7000222") || strings.Contains(w.Why+b.logged.String(), "client secret") {
		t.Errorf("%+v", w)
	}
	e.revoke("client secret")
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}
