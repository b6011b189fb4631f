package login

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func fixed(text string) Secret { return func() (string, error) { return text, nil } }

// fixedTokens gives one token and records what was refused.
type fixedTokens struct {
	token   string
	err     error
	refused []string
}

func (f *fixedTokens) Token(_ context.Context, mailbox string) (string, error) {
	return strings.ReplaceAll(f.token, "MAILBOX", mailbox), f.err
}

func (f *fixedTokens) Invalidate(mailbox, token string) {
	f.refused = append(f.refused, mailbox+" "+token)
}

func TestWhatIsSent(t *testing.T) {
	tokens := &fixedTokens{token: "ya29.a-b_c~d+/="}
	password := fixed("päss word")
	for _, tc := range []struct {
		name       string
		credential Credential
		offered    []string
		mechanism  string
		initial    string
		answers    [][2]string // challenge, response
	}{
		{"plain", Credential{Username: "anna", Password: password}, nil, "PLAIN", "\x00anna\x00päss word", nil},
		{"plain as somebody else", Credential{Username: "admin", Authzid: "anna", Password: password}, nil,
			"PLAIN", "anna\x00admin\x00päss word", nil},
		{"master user", Credential{Username: MasterUser("anna", "*", "admin"), Password: password}, nil,
			"PLAIN", "\x00anna*admin\x00päss word", nil},
		{"plain is offered in another case", Credential{Username: "anna", Password: password}, []string{"LOGIN", "plain"},
			"PLAIN", "\x00anna\x00päss word", nil},
		{"login", Credential{Username: "anna", Password: password}, []string{"NTLM", "LOGIN"},
			"LOGIN", "anna", [][2]string{{"Password:", "päss word"}}},
		{"login asked for the name again", Credential{Username: "anna", Password: password, Mechanism: Login}, nil,
			"LOGIN", "anna", [][2]string{{"Username:", "anna"}, {"Password:", "päss word"}}},
		{"login in the draft's words", Credential{Username: "anna", Password: password, Mechanism: "login"}, nil,
			"LOGIN", "anna", [][2]string{{"User Name\x00", "anna"}, {"Password\x00", "päss word"}}},
		// The vector of Microsoft's and Google's documentation, with another token.
		{"xoauth2", Credential{Username: "test@contoso.example", Tokens: tokens}, nil,
			"XOAUTH2", "user=test@contoso.example\x01auth=Bearer ya29.a-b_c~d+/=\x01\x01", nil},
		{"xoauth2 refused", Credential{Username: "anna", Tokens: tokens}, []string{"PLAIN", "OAUTHBEARER", "XOAUTH2"},
			"XOAUTH2", "user=anna\x01auth=Bearer ya29.a-b_c~d+/=\x01\x01", [][2]string{{`{"status":"401"}`, ""}}},
		{"oauthbearer", Credential{Username: "a=b,c@example.com", Tokens: tokens}, []string{"OAUTHBEARER"},
			"OAUTHBEARER", "n,a=a=3Db=2Cc@example.com,\x01auth=Bearer ya29.a-b_c~d+/=\x01\x01", [][2]string{{`{"status":"invalid_token"}`, "\x01"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, err := tc.credential.SASL(t.Context(), tc.offered...)
			if err != nil {
				t.Fatal(err)
			}
			mechanism, initial, err := client.Start()
			if err != nil || mechanism != tc.mechanism || string(initial) != tc.initial {
				t.Errorf("starts %s %q, %v; want %s %q", mechanism, initial, err, tc.mechanism, tc.initial)
			}
			for _, answer := range tc.answers {
				got, err := client.Next([]byte(answer[0]))
				if err != nil || got == nil || string(got) != answer[1] {
					t.Errorf("answers %q by %q, %v; want %q", answer[0], got, err, answer[1])
				}
			}
		})
	}
}

func TestWhatIsNotSent(t *testing.T) {
	broken := errors.New("no such file")
	for _, tc := range []struct {
		name       string
		credential Credential
		offered    []string
		want       string
	}{
		{"nothing to log in with", Credential{Username: "anna"}, nil, "neither a password nor a token source"},
		{"a mechanism that does not fit", Credential{Username: "anna", Password: fixed("x"), Mechanism: XOAuth2}, nil, "neither a password nor a token source"},
		{"only NTLM offered", Credential{Username: "anna", Password: fixed("x")}, []string{"NTLM"}, "server offers NTLM, not PLAIN or LOGIN"},
		{"LOGIN cannot act for another", Credential{Username: "admin", Authzid: "anna", Password: fixed("x")}, []string{"LOGIN"}, "server offers LOGIN, not PLAIN"},
		{"unreadable password", Credential{Username: "anna", Password: func() (string, error) { return "", broken }}, nil, "reading the password: no such file"},
		{"empty password", Credential{Username: "anna", Password: fixed("")}, nil, "the password is empty"},
		{"line end in the password", Credential{Username: "anna", Password: fixed("secret\n")}, nil, "control character"},
		{"NUL in the name", Credential{Username: "anna\x00bob", Password: fixed("x")}, nil, "control character"},
		{"NUL in the authzid", Credential{Username: "a", Authzid: "b\x00", Password: fixed("x")}, nil, "control character"},
		{"^A in the name", Credential{Username: "anna\x01auth=", Tokens: &fixedTokens{token: "t"}}, nil, "control character"},
		{"^A in the token", Credential{Username: "anna", Tokens: &fixedTokens{token: "t\x01"}}, nil, "control character"},
		{"no token", Credential{Username: "anna", Tokens: &fixedTokens{err: broken}}, nil, "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, err := tc.credential.SASL(t.Context(), tc.offered...)
			if err == nil || client != nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("%v, %v; want an error with %q", client, err, tc.want)
			}
			if !strings.HasPrefix(err.Error(), "logging in as ") || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q", err)
			}
			if tc.offered != nil && !errors.Is(err, ErrDisabled) {
				t.Errorf("%v is not ErrDisabled", err)
			}
		})
	}
}

func TestPasswordIsRevealedForEachAttempt(t *testing.T) {
	current := "old"
	c := Credential{Username: "anna", Password: func() (string, error) { return current, nil }}
	for _, current = range []string{"old", "new"} {
		client, err := c.SASL(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, initial, _ := client.Start(); string(initial) != "\x00anna\x00"+current {
			t.Errorf("sends %q after the password became %q", initial, current)
		}
	}
}

func TestRefusedDropsTheTokenThatWasUsed(t *testing.T) {
	tokens := &fixedTokens{token: "for-MAILBOX"}
	c := Credential{Username: "anna", Tokens: tokens}
	client, err := c.SASL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Refused(client)
	if got := strings.Join(tokens.refused, ";"); got != "anna for-anna" {
		t.Errorf("invalidated %q", got)
	}
	p := Credential{Username: "anna", Password: fixed("x")}
	if client, err = p.SASL(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Refused(client) // nothing to drop, and no panic
}

func TestWithoutSASL(t *testing.T) {
	password := Credential{Username: "anna", Password: fixed("pa:ss")}
	if u, p, err := password.UsernamePassword(); u != "anna" || p != "pa:ss" || err != nil {
		t.Errorf("LOGIN command with %q, %q, %v", u, p, err)
	}
	if h, err := password.Authorization(t.Context()); h != "Basic YW5uYTpwYTpzcw==" || err != nil {
		t.Errorf("HTTP with %q, %v", h, err)
	}
	token := Credential{Username: "anna", Tokens: &fixedTokens{token: "for-MAILBOX"}}
	if h, err := token.Authorization(t.Context()); h != "Bearer for-anna" || err != nil {
		t.Errorf("HTTP with %q, %v", h, err)
	}
	for name, c := range map[string]Credential{
		"a token":         token,
		"somebody else's": {Username: "admin", Authzid: "anna", Password: fixed("x")},
		"no password":     {Username: "anna", Password: fixed("")},
	} {
		if _, _, err := c.UsernamePassword(); err == nil {
			t.Errorf("LOGIN command takes %s", name)
		}
	}
}
