package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
)

var errNoToken = errors.New("the answer holds no token")

// tokenError classifies a failed request to the token endpoint at host. The
// original error is not wrapped: it holds the endpoint's whole answer, which
// may repeat what it was sent.
func tokenError(host string, err, transport error, secrets []string) error {
	what := "fetching a token from " + host
	var refused *oauth2.RetrieveError
	switch {
	case transport != nil:
		return connectError(what, transport, secrets)
	case errors.As(err, &refused):
		return refusedToken(what, refused, secrets)
	}
	return &Error{
		Kind: ErrUnavailable,
		Hint: "the token address answers, but not with a token: check the address and the service account's or client's settings",
		Err:  fmt.Errorf("%s: %s", what, scrub(err.Error(), secrets)),
	}
}

// connectError is for a request that got no answer. Kind and hint come from the
// cause, which itself is only quoted: a time-out of ours must not look like the
// caller's context.
func connectError(what string, err error, secrets []string) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	text := scrub(err.Error(), secrets)
	if errors.Is(err, context.DeadlineExceeded) {
		text = "no answer within " + tokenTimeout.String()
	}
	failed := &Error{Kind: ErrUnavailable, Hint: "the token address cannot be reached", Err: fmt.Errorf("%s: %s", what, text)}
	var known *Error
	if errors.As(Explain(err), &known) {
		failed.Kind, failed.Hint = known.Kind, known.Hint
	}
	return failed
}

func refusedToken(what string, refused *oauth2.RetrieveError, secrets []string) error {
	code, description := refused.ErrorCode, refused.ErrorDescription
	if code == "" { // x/oauth2/jwt leaves the body to its callers
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(refused.Body, &body) == nil {
			code, description = body.Error, body.Description
		}
	}
	text := scrub(strings.TrimRight(code+": "+description, ": "), secrets)
	return &Error{
		Kind: tokenKind(refused.Response.StatusCode, code),
		Hint: tokenHint(refused.Response.StatusCode, text),
		Wait: retryAfter(refused.Response.Header),
		Err:  fmt.Errorf("%s: %d %s", what, refused.Response.StatusCode, text),
	}
}

func tokenKind(status int, code string) error {
	switch {
	case status == http.StatusTooManyRequests:
		return ErrThrottled
	case code == "temporarily_unavailable" || code == "server_error" || status == http.StatusRequestTimeout:
		return ErrUnavailable
	case status >= 400 && status < 500:
		return ErrRefused
	}
	return ErrUnavailable
}

// tokenHints say what a person can do, by what is found in the answer.
var tokenHints = []struct{ found, hint string }{
	{"AADSTS7000222", "the client secret has expired: make a new one in the application's registration"},
	{"AADSTS7000215", "the client secret is wrong: use the secret's value, not its id"},
	{"AADSTS700016", "the tenant does not know the application: check client id and tenant"},
	{"AADSTS90002", "there is no such tenant: check the token address"},
	{"AADSTS1002012", "the scope must be " + ScopeMicrosoft},
	{"AADSTS70011", "the scope must be " + ScopeMicrosoft},
	{"AADSTS53003", "a conditional access policy keeps the application out"},
	{"Invalid JWT Signature", "the key is not valid any more: make a new one for the service account"},
	{"short-lived token", "this machine's clock is wrong: Google takes an assertion only for the hour it names"},
	{"Invalid email or User ID", "the mailbox does not exist in Google Workspace"},
	{"unauthorized_client", "grant the service account domain-wide delegation for the scope " + ScopeGoogle},
	{"access_denied", "the administrator has not allowed the application this scope"},
	{"invalid_client", "client id or secret is wrong"},
	{"invalid_scope", "the scope is not one this server knows"},
}

func tokenHint(status int, text string) string {
	for _, h := range tokenHints {
		if strings.Contains(text, h.found) {
			return h.hint
		}
	}
	if status >= 300 && status < 400 {
		return "the token address sends us elsewhere: set the final address"
	}
	return ""
}

// retryAfter reads the header's form in seconds (RFC 9110 §10.2.3).
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

const (
	hidden      = "[hidden]"
	scrubLength = 400
)

// tokenLike matches what may be a token, an assertion or a key: the parts of a
// JWT, what follows "Bearer", and long runs without a break.
var tokenLike = regexp.MustCompile(`(?i)bearer\s+\S+|eyJ[\w.+/=-]+|[\w+/=-]{40,}`)

// scrub makes an answer of a server fit for a log: without secrets, on one
// line, of limited length.
func scrub(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, hidden)
			text = strings.ReplaceAll(text, url.QueryEscape(secret), hidden)
		}
	}
	text = tokenLike.ReplaceAllString(text, hidden)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > scrubLength {
		text = string(runes[:scrubLength]) + "…"
	}
	return text
}
