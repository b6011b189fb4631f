package imapstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/internal/login"
	"posthouse/internal/testserver"
)

func byPassword() (string, string, error) { return "anna", `correct "horse\`, nil }

func TestLogin(t *testing.T) {
	starttls := func(o *imapstore.Options) { o.TLS = imapstore.StartTLS }
	cases := []struct {
		dialog string
		change func(*imapstore.Options)
		want   error
		says   string
	}{
		{"login-challenge", nil, nil, ""},
		{"login-plain", func(o *imapstore.Options) { o.Password = byPassword }, nil, ""},
		{"login-refused", nil, bridge.ErrLogin, "[AUTHENTICATIONFAILED] Invalid credentials"},
		{"login-unavailable", nil, bridge.ErrBusy, "User backend has gone away"},
		{"login-limit", nil, bridge.ErrBusy, "Too many connections from your address"},
		{"login-not-connected", nil, bridge.ErrBusy, "User is authenticated but not connected"},
		{"login-bandwidth", nil, bridge.ErrBusy, "Account exceeded command or bandwidth limits"},
		{"login-bye", nil, bridge.ErrBusy, "Temporary System Error"},
		{"login-endless", nil, bridge.ErrConnection, "too long"},
		{"starttls-absent", starttls, bridge.ErrConnection, "unknown command"},
		{"starttls-injected", starttls, bridge.ErrConnection, "plain text after its answer to STARTTLS"},
		{"starttls-preauth", starttls, bridge.ErrConnection, "PREAUTH"},
	}
	for _, c := range cases {
		t.Run(c.dialog, func(t *testing.T) {
			o := serve(t, c.dialog)
			if c.change != nil {
				c.change(&o)
			}
			store := imapstore.New(o)
			defer store.Close()
			_, err := store.Folders(t.Context())
			if !errors.Is(err, c.want) || c.want == nil && err != nil || !strings.Contains(text(err), c.says) {
				t.Fatalf("got %v, want %v with %q", err, c.want, c.says)
			}
			if c.want == bridge.ErrBusy && !errors.Is(err, bridge.ErrConnection) {
				t.Errorf("%v is no failure to connect", err)
			}
			if strings.Contains(text(err), "horse") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

// TestRefusedTellsTheCredential: whoever made the SASL client hears that it was refused.
func TestRefusedTellsTheCredential(t *testing.T) {
	o := serve(t, "login-refused")
	var refused sasl.Client
	o.Refused = func(c sasl.Client) { refused = c }
	store := imapstore.New(o)
	defer store.Close()
	if _, err := store.Folders(t.Context()); !errors.Is(err, bridge.ErrLogin) {
		t.Fatal(err)
	}
	if refused == nil {
		t.Error("the credential was not told")
	}
}

// TestGuard: what stands before a connection decides whether it is made, and hears why a login was refused.
func TestGuard(t *testing.T) {
	o := serve(t, "login-refused")
	var heard *bridge.RefusedLogin
	shut := errors.New("not now")
	o.Guard = func(_ context.Context, connect func() error) error {
		if heard != nil {
			return shut
		}
		err := connect()
		if !errors.As(err, &heard) || !strings.Contains(heard.Err.Error(), "Invalid credentials") {
			t.Errorf("the guard hears %v", err)
		}
		return err
	}
	store := imapstore.New(o)
	defer store.Close()
	for _, want := range []error{bridge.ErrLogin, shut} {
		if _, err := store.Folders(t.Context()); !errors.Is(err, want) || !strings.Contains(text(err), "connecting to "+o.Address) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// TestCredentialErrors: no credentials are a matter for a person, a token server that is down is not.
func TestCredentialErrors(t *testing.T) {
	cases := []struct{ err, want error }{
		{errors.New("credential is missing"), bridge.ErrLogin},
		{&login.Error{Kind: login.ErrRefused, Err: errors.New("token refused")}, bridge.ErrLogin},
		{&login.Error{Kind: login.ErrUnavailable, Err: errors.New("token server is down")}, bridge.ErrConnection},
		{&login.Error{Kind: login.ErrThrottled, Err: errors.New("slow down")}, bridge.ErrConnection},
	}
	server := startServer(t, testserver.IMAPConfig{})
	for _, c := range cases {
		o := options(t, server.Addr())
		o.SASL = func(context.Context, ...string) (sasl.Client, error) { return nil, c.err }
		store := imapstore.New(o)
		defer store.Close()
		if _, err := store.Folders(t.Context()); !errors.Is(err, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%v becomes %v, want %v", c.err, err, c.want)
		}
	}
}

// TestLastWords: what a server says when it hangs up on a command.
func TestLastWords(t *testing.T) {
	store := imapstore.New(serve(t, "bye"))
	defer store.Close()
	if _, err := store.Next(t.Context(), inbox, ""); !errors.Is(err, bridge.ErrConnection) || !strings.Contains(text(err), "Session expired") {
		t.Errorf("got %v", err)
	}
}

func TestTLS(t *testing.T) {
	ca, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	for mode, implicit := range map[imapstore.TLSMode]bool{imapstore.ImplicitTLS: true, imapstore.StartTLS: false} {
		t.Run(string(mode), func(t *testing.T) {
			server := startServer(t, testserver.IMAPConfig{TLS: config, Implicit: implicit, RequireTLS: true})
			o := options(t, server.Addr())
			o.TLS, o.TLSConfig = mode, ca.Client("")
			trusting := imapstore.New(o)
			defer trusting.Close()
			if _, err := trusting.Folders(t.Context()); err != nil {
				t.Errorf("with the right authority: %v", err)
			}
			asked := false
			o.TLSConfig = nil
			o.SASL = func(ctx context.Context, _ ...string) (sasl.Client, error) {
				asked = true
				return plain(ctx)
			}
			strict := imapstore.New(o)
			defer strict.Close()
			if _, err := strict.Folders(t.Context()); !errors.Is(err, bridge.ErrConnection) || !strings.Contains(text(err), "certificate") || asked {
				t.Errorf("with an unknown authority: %v, credentials asked for: %v", err, asked)
			}
		})
	}
}

// TestNoConnection: a server that is not there.
func TestNoConnection(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{})
	o := options(t, server.Addr())
	server.Stop()
	store := imapstore.New(o)
	defer store.Close()
	if _, err := store.Next(t.Context(), inbox, ""); !errors.Is(err, bridge.ErrConnection) {
		t.Errorf("got %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Next(t.Context(), inbox, ""); err != nil {
		t.Errorf("after it came back: %v", err)
	}
	server.CutAll()
	if _, err := store.Next(t.Context(), inbox, ""); err != nil {
		t.Errorf("after an idle connection was cut: %v", err)
	}
}
