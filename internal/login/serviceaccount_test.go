package login

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func rsaKey(t *testing.T) (key *rsa.PrivateKey, text string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// keyFile is what Google's console gives out.
func keyFile(t *testing.T, privateKey, tokenURI string) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "move", "private_key_id": "key-1", "private_key": privateKey,
		"client_email": "posthouse@move.example", "client_id": "1234", "token_uri": tokenURI,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// claims verifies an assertion's signature and returns its header and claims.
func claims(key *rsa.PublicKey, assertion string) (header, set map[string]any, err error) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return nil, nil, fmt.Errorf("the assertion has %d parts", len(parts))
	}
	decoded := make([][]byte, len(parts))
	for i, part := range parts {
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return nil, nil, err
		}
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], decoded[2]); err != nil {
		return nil, nil, err
	}
	return header, set, errors.Join(json.Unmarshal(decoded[0], &header), json.Unmarshal(decoded[1], &set))
}

func TestServiceAccountSignsForEachMailbox(t *testing.T) {
	key, text := rsaKey(t)
	s := newTokenServer(t, func(r tokenRequest) (int, any) {
		_, set, err := claims(&key.PublicKey, r.form.Get("assertion"))
		if err != nil {
			return http.StatusBadRequest, refused("invalid_grant", err.Error())
		}
		return http.StatusOK, granted(fmt.Sprint("for ", set["sub"]))
	})
	tokens, err := ServiceAccount(ServiceAccountOptions{Key: fixed(keyFile(t, text, s.URL)), Scopes: []string{ScopeGoogle}})
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	wantToken(t, tokens, "anna@example.com", "for anna@example.com")
	wantToken(t, tokens, "bob@example.com", "for bob@example.com")
	wantToken(t, tokens, "anna@example.com", "for anna@example.com")
	asked := s.requests()
	if len(asked) != 2 {
		t.Fatalf("asked %d times, want once for each mailbox", len(asked))
	}
	if grant := asked[0].form.Get("grant_type"); grant != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("grant type %q", grant)
	}
	header, set, err := claims(&key.PublicKey, asked[0].form.Get("assertion"))
	if err != nil {
		t.Fatal(err)
	}
	if header["alg"] != "RS256" || header["kid"] != "key-1" {
		t.Errorf("header %v", header)
	}
	for claim, want := range map[string]any{
		"iss": "posthouse@move.example", "sub": "anna@example.com", "scope": ScopeGoogle, "aud": s.URL,
	} {
		if set[claim] != want {
			t.Errorf("claim %s is %v, want %v", claim, set[claim], want)
		}
	}
	lives := time.Duration(set["exp"].(float64)-set["iat"].(float64)) * time.Second
	if lives <= 0 || lives > time.Hour {
		t.Errorf("the assertion lives for %s, Google takes an hour at most", lives)
	}
}

func TestServiceAccountTakesAnOldKeyFormat(t *testing.T) {
	key, _ := rsaKey(t)
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	s := newTokenServer(t, func(tokenRequest) (int, any) { return http.StatusOK, granted("opaque") })
	tokens, err := ServiceAccount(ServiceAccountOptions{Key: fixed(keyFile(t, string(old), s.URL))})
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	wantToken(t, tokens, "anna", "opaque")
}

func TestServiceAccountRefusals(t *testing.T) {
	_, text := rsaKey(t)
	for _, tc := range []struct {
		name   string
		status int
		body   any
		kind   error
		hint   string
	}{
		{"no delegation", 401, refused("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method"), ErrRefused, "domain-wide delegation"},
		{"no such mailbox", 400, refused("invalid_grant", "Invalid email or User ID"), ErrRefused, "does not exist"},
		{"key withdrawn", 400, refused("invalid_grant", "Invalid JWT Signature."), ErrRefused, "make a new one"},
		{"wrong clock", 400, refused("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."), ErrRefused, "clock"},
		{"down", 500, "", ErrUnavailable, ""},
		{"garbage", 200, "<html>", ErrUnavailable, "not with a token"},
		{"no token in it", 200, map[string]any{"expires_in": 3600}, ErrUnavailable, "not with a token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newTokenServer(t, func(tokenRequest) (int, any) { return tc.status, tc.body })
			tokens, err := ServiceAccount(ServiceAccountOptions{Key: fixed(keyFile(t, text, s.URL))})
			if err != nil {
				t.Fatal(err)
			}
			defer tokens.Close()
			token, err := tokens.Token(t.Context(), "anna")
			var failed *Error
			if token != "" || !errors.As(err, &failed) || !errors.Is(err, tc.kind) || !strings.Contains(failed.Hint, tc.hint) {
				t.Errorf("%q, %v; want %v and a hint with %q", token, err, tc.kind, tc.hint)
			}
			if !strings.Contains(err.Error(), "acting for anna") {
				t.Errorf("error %q does not name the mailbox", err)
			}
		})
	}
}

func TestServiceAccountKeyFiles(t *testing.T) {
	_, text := rsaKey(t)
	gone := errors.New("no such file")
	for name, key := range map[string]Secret{
		"missing":        nil,
		"unreadable":     func() (string, error) { return "", gone },
		"not JSON":       fixed("-----BEGIN PRIVATE KEY-----"),
		"another type":   fixed(`{"type":"external_account","private_key":"hush"}`),
		"without a key":  fixed(`{"type":"service_account","client_email":"a@b","token_uri":"https://x.example/"}`),
		"no PEM":         fixed(keyFile(t, "hush", "https://token.example/")),
		"no key in it":   fixed(keyFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hush")})), "https://token.example/")),
		"in the clear":   fixed(keyFile(t, text, "http://token.example/")),
		"without an URL": fixed(keyFile(t, text, "")),
	} {
		_, err := ServiceAccount(ServiceAccountOptions{Key: key})
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "PRIVATE") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error leaks: %v", name, err)
		}
	}
}
