package login

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const clientSecret = "s3cr3t~with/odd+chars="

func application(t *testing.T, s *tokenServer, basic bool) *Tokens {
	t.Helper()
	tokens, err := ClientCredentials(ClientCredentialsOptions{
		TokenURL: s.URL, ClientID: "app", Secret: fixed(clientSecret), Scopes: []string{ScopeMicrosoft}, BasicAuth: basic,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.Close)
	return tokens
}

func TestClientCredentialsRequest(t *testing.T) {
	for _, basic := range []bool{false, true} {
		s := newTokenServer(t, func(tokenRequest) (int, any) { return http.StatusOK, granted("opaque") })
		wantToken(t, application(t, s, basic), "anna@example.com", "opaque")
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {ScopeMicrosoft}}
		want := tokenRequest{form: form}
		if basic {
			want.user, want.secret = "app", url.QueryEscape(clientSecret)
		} else {
			form.Set("client_id", "app")
			form.Set("client_secret", clientSecret)
		}
		asked := s.requests()
		if len(asked) != 1 {
			t.Fatalf("asked %d times, want once", len(asked))
		}
		got := asked[0]
		if got.form.Encode() != want.form.Encode() || got.user != want.user || got.secret != want.secret {
			t.Errorf("asked %+v, want %+v", got, want)
		}
	}
}

func TestClientSecretIsRevealedForEachRequest(t *testing.T) {
	s := newTokenServer(t, func(r tokenRequest) (int, any) {
		if r.form.Get("client_secret") != "new" {
			return http.StatusUnauthorized, refused("invalid_client", "AADSTS7000222: expired")
		}
		return http.StatusOK, granted("opaque")
	})
	current := "old"
	tokens, err := ClientCredentials(ClientCredentialsOptions{
		TokenURL: s.URL, ClientID: "app", Secret: func() (string, error) { return current, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	if _, err := tokens.Token(t.Context(), "anna"); !errors.Is(err, ErrRefused) {
		t.Errorf("with the old secret: %v", err)
	}
	current = "new"
	wantToken(t, tokens, "anna", "opaque")
}

func TestTokenEndpointFailures(t *testing.T) {
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"
	for _, tc := range []struct {
		name   string
		status int
		body   any
		header http.Header
		kind   error
		text   string
		hint   string
		wait   time.Duration
	}{
		{"wrong secret", 401, refused("invalid_client", "AADSTS7000215: Invalid client secret provided."), nil,
			ErrRefused, "401 invalid_client: AADSTS7000215: Invalid client secret provided.", "secret's value", 0},
		{"secret expired", 401, refused("invalid_client", "AADSTS7000222: The provided client secret keys are expired."), nil,
			ErrRefused, "expired", "make a new one", 0},
		{"unknown application", 400, refused("unauthorized_client", "AADSTS700016: Application not found"), nil,
			ErrRefused, "AADSTS700016", "client id and tenant", 0},
		{"refused without a body", 403, "", nil, ErrRefused, "403", "", 0},
		{"the secret echoed", 401, refused("invalid_client", "no client app with "+clientSecret+" or "+url.QueryEscape(clientSecret)+"\nBearer abc "+jwt), nil,
			ErrRefused, "no client app with [hidden] or [hidden] [hidden] [hidden]", "client id or secret", 0},
		{"throttled", 429, refused("throttled", "slow down"), http.Header{"Retry-After": {"17"}}, ErrThrottled, "429", "", 17 * time.Second},
		{"down", 503, "<html>" + clientSecret + "</html>", nil, ErrUnavailable, "503", "", 0},
		{"says it is unavailable", 400, refused("temporarily_unavailable", ""), nil, ErrUnavailable, "temporarily_unavailable", "", 0},
		{"moved", 307, "", http.Header{"Location": {"http://127.0.0.1:1/"}}, ErrUnavailable, "307", "final address", 0},
		{"a page instead of a token", 200, "<html>sign in</html>", nil, ErrUnavailable, "fetching a token from", "not with a token", 0},
		{"garbage", 200, "\x00\xff" + clientSecret, nil, ErrUnavailable, "fetching a token from", "not with a token", 0},
		{"no token in it", 200, map[string]any{"token_type": "Bearer"}, nil, ErrUnavailable, "access_token", "not with a token", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newTokenServer(t, func(tokenRequest) (int, any) { return tc.status, tc.body })
			s.header = tc.header
			token, err := application(t, s, false).Token(t.Context(), "anna")
			var failed *Error
			if token != "" || !errors.As(err, &failed) || !errors.Is(err, tc.kind) {
				t.Fatalf("%q, %v (%T); want %v", token, err, err, tc.kind)
			}
			if !strings.Contains(err.Error(), tc.text) || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("error %q, want %q in it, on one line", err, tc.text)
			}
			if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "eyJ") {
				t.Errorf("error leaks: %q", err)
			}
			if !strings.Contains(failed.Hint, tc.hint) || failed.Wait != tc.wait {
				t.Errorf("hint %q, wait %s; want %q, %s", failed.Hint, failed.Wait, tc.hint, tc.wait)
			}
			if n := len(s.requests()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestTokenEndpointTLS(t *testing.T) {
	s := startTokenServer(t, func(tokenRequest) (int, any) { return http.StatusOK, granted("opaque") }, (*httptest.Server).StartTLS)
	options := ClientCredentialsOptions{TokenURL: s.URL, ClientID: "app", Secret: fixed(clientSecret)}
	unknown, err := ClientCredentials(options)
	if err != nil {
		t.Fatal(err)
	}
	defer unknown.Close()
	if _, err := unknown.Token(t.Context(), "anna"); !errors.Is(err, ErrUntrusted) || len(s.requests()) != 0 {
		t.Errorf("an unknown authority: %v, %d requests; want untrusted and none", err, len(s.requests()))
	}
	options.Roots = s.pool()
	known, err := ClientCredentials(options)
	if err != nil {
		t.Fatal(err)
	}
	defer known.Close()
	wantToken(t, known, "anna", "opaque")
}

func TestTokenEndpointNotThere(t *testing.T) {
	s := newTokenServer(t, func(tokenRequest) (int, any) { return http.StatusOK, granted("opaque") })
	tokens := application(t, s, false)
	s.Close()
	_, err := tokens.Token(t.Context(), "anna")
	var failed *Error
	if !errors.As(err, &failed) || !errors.Is(err, ErrUnavailable) || !strings.Contains(failed.Hint, "nothing listens") {
		t.Errorf("%v, %+v; want unavailable, and that nothing listens", err, failed)
	}
}

func TestTokenRequestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	s := newTokenServer(t, func(tokenRequest) (int, any) {
		cancel()
		<-release
		return http.StatusOK, granted("late")
	})
	defer close(release)
	if _, err := application(t, s, false).Token(ctx, "anna"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
		t.Errorf("%v, want the context's end", err)
	}
}

func TestClientCredentialsOptions(t *testing.T) {
	good := ClientCredentialsOptions{TokenURL: "https://login.example/token", ClientID: "app", Secret: fixed("x")}
	for name, change := range map[string]func(*ClientCredentialsOptions){
		"no id":          func(o *ClientCredentialsOptions) { o.ClientID = "" },
		"no secret":      func(o *ClientCredentialsOptions) { o.Secret = nil },
		"no address":     func(o *ClientCredentialsOptions) { o.TokenURL = "" },
		"in the clear":   func(o *ClientCredentialsOptions) { o.TokenURL = "http://login.example/token" },
		"no URL":         func(o *ClientCredentialsOptions) { o.TokenURL = "https://%zz" },
		"another scheme": func(o *ClientCredentialsOptions) { o.TokenURL = "ftp://127.0.0.1/token" },
	} {
		o := good
		change(&o)
		if _, err := ClientCredentials(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, address := range []string{good.TokenURL, "http://127.0.0.1:1/t", "http://[::1]:1/t", "http://localhost/t", "https://login.microsoftonline.com/example.com/oauth2/v2.0/token"} {
		good.TokenURL = address
		if _, err := ClientCredentials(good); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestUnreadableClientSecret(t *testing.T) {
	gone := errors.New("no such credential")
	tokens, err := ClientCredentials(ClientCredentialsOptions{
		TokenURL: "http://127.0.0.1:1/", ClientID: "app", Secret: func() (string, error) { return "", gone },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Token(t.Context(), "anna"); !errors.Is(err, gone) {
		t.Errorf("%v, want the reason", err)
	}
}

func TestScrub(t *testing.T) {
	long := strings.Repeat("aB3", 20)
	for _, tc := range []struct{ text, want string }{
		{"plain words 4711.", "plain words 4711."},
		{"Trace ID: 12345678-1234-1234-1234-123456789abc", "Trace ID: 12345678-1234-1234-1234-123456789abc"},
		{"scope https://outlook.office365.com/.default", "scope https://outlook.office365.com/.default"},
		{"the secret pass!word here", "the secret [hidden] here"},
		{"form secret=pass%21word&x", "form secret=[hidden]&x"},
		{"Authorization: Bearer abc.def", "Authorization: [hidden]"},
		{"key " + long, "key [hidden]"},
		{"assertion eyJh.eyJz.sig", "assertion [hidden]"},
		{"two\r\nlines\x1b[31m", "two lines [31m"},
		{strings.Repeat("é ", 300), strings.TrimSpace(strings.Repeat("é ", 200)) + " …"},
	} {
		if got := scrub(tc.text, []string{"pass!word", ""}); got != tc.want {
			t.Errorf("%q becomes %q, want %q", tc.text, got, tc.want)
		}
	}
}
