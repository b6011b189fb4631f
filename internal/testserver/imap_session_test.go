package testserver

import (
	"io"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

func TestIdleHearsEverything(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	exists, expunged, flags := make(chan uint32, 10), make(chan uint32, 10), make(chan []imap.Flag, 10)
	c := loginIMAP(t, s, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				exists <- *d.NumMessages
			}
		},
		Expunge: func(seq uint32) { expunged <- seq },
		Fetch: func(m *imapclient.FetchMessageData) {
			if b, err := m.Collect(); err == nil {
				flags <- b.Flags
			}
		},
	}})
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deliver("anna", []byte("Subject: before IDLE\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	if n := <-exists; n != 1 {
		t.Errorf("EXISTS %d after a delivery just before IDLE", n)
	}
	uid, err := s.Deliver("anna", []byte("Subject: during IDLE\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if n := <-exists; n != 2 {
		t.Errorf("EXISTS %d", n)
	}
	if err := s.SetFlags("anna", "INBOX", uid, `\Seen`); err != nil {
		t.Fatal(err)
	}
	if f := <-flags; !slices.Contains(f, imap.FlagSeen) {
		t.Errorf("FLAGS %v", f)
	}
	if err := s.Remove("anna", "INBOX", 1); err != nil {
		t.Fatal(err)
	}
	if n := <-expunged; n != 1 {
		t.Errorf("EXPUNGE %d", n)
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	if err := idle.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestLogins(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	serverTLS, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	s := startIMAP(t, IMAPConfig{TLS: serverTLS, RequireTLS: true})
	s.AddMaster("admin", "master")
	if err := s.SetToken("anna", "tok"); err != nil {
		t.Fatal(err)
	}
	xoauth := func(token string) sasl.Client { return xoauth2Client("user=anna\x01auth=Bearer " + token + "\x01\x01") }
	tests := []struct {
		name   string
		client sasl.Client
		ok     bool
	}{
		{"plain", sasl.NewPlainClient("", "anna", "secret"), true},
		{"wrong password", sasl.NewPlainClient("", "anna", "guess"), false},
		{"master", sasl.NewPlainClient("anna", "admin", "master"), true},
		{"not a master", sasl.NewPlainClient("anna", "bob", "master"), false},
		{"oauthbearer", sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "anna", Token: "tok"}), true},
		{"xoauth2", xoauth("tok"), true},
		{"expired token", xoauth("old"), false},
	}
	for _, tt := range tests {
		c, err := imapclient.DialStartTLS(s.Addr(), &imapclient.Options{TLSConfig: ca.Client("")})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Authenticate(tt.client); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		_ = c.Close()
	}
	if err := dialIMAP(t, s, nil).Login("anna", "secret").Wait(); err == nil {
		t.Error("login over cleartext although TLS is required")
	}
}

type xoauth2Client string

func (x xoauth2Client) Start() (string, []byte, error) { return "XOAUTH2", []byte(x), nil }
func (x xoauth2Client) Next(_ []byte) ([]byte, error)  { return []byte{}, nil }

func TestSessionLimit(t *testing.T) {
	s := startIMAP(t, IMAPConfig{MaxSessions: 1})
	first := loginIMAP(t, s, nil)
	if err := dialIMAP(t, s, nil).Login("anna", "secret").Wait(); err == nil {
		t.Error("second session accepted")
	}
	if err := first.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
	if n := s.Sessions("anna"); n > 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestAppendDoneButReplyLost(t *testing.T) {
	s := startIMAP(t, IMAPConfig{Hook: func(call IMAPCall) *IMAPFault {
		if call.Command == "APPEND" && call.Stage == After {
			return &IMAPFault{Drop: true}
		}
		return nil
	}})
	c := loginIMAP(t, s, nil)
	cmd := c.Append("INBOX", 4, nil)
	_, _ = io.WriteString(cmd, "A:b\n")
	_ = cmd.Close()
	if _, err := cmd.Wait(); err == nil {
		t.Error("the client was told of the success")
	}
	if n, _ := s.Count("anna", "INBOX"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestHookRefusals(t *testing.T) {
	var fault atomic.Pointer[IMAPFault]
	s := startIMAP(t, IMAPConfig{Hook: func(call IMAPCall) *IMAPFault {
		if call.Command == "STATUS" && call.Stage == Before {
			return fault.Load()
		}
		return nil
	}})
	for _, tt := range []struct {
		fault IMAPFault
		want  string
	}{
		{IMAPFault{Code: "OVERQUOTA", Text: "full"}, "imap: NO [OVERQUOTA] full"},
		{IMAPFault{Type: "BAD", Text: "Request is throttled. Suggested Backoff Time: 1000 milliseconds"}, "imap: BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds"},
	} {
		fault.Store(&tt.fault)
		c := loginIMAP(t, s, nil)
		if _, err := c.Status("INBOX", &imap.StatusOptions{UIDNext: true}).Wait(); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	fault.Store(&IMAPFault{Type: "BYE", Text: "restarting"})
	c := loginIMAP(t, s, nil)
	if _, err := c.Status("INBOX", &imap.StatusOptions{UIDNext: true}).Wait(); err == nil {
		t.Error("BYE was no error")
	}
}

func TestQuirks(t *testing.T) {
	s := startIMAP(t, IMAPConfig{NoKeywords: true, MergeEqual: true, Appended: Rendering{Subject: "[NEW] "}})
	c := loginIMAP(t, s, nil)
	one := mustAppend(t, c, "INBOX", []byte("A: b\r\n\r\n"), nil)
	two := mustAppend(t, c, "INBOX", []byte("A: b\r\n\r\n"), nil)
	if n, _ := s.Count("anna", "INBOX"); n != 1 || one.UID != two.UID {
		t.Errorf("%d messages, UIDs %d and %d", n, one.UID, two.UID)
	}
	if b, _ := s.Bytes("anna", "INBOX", 1); string(b) != "A: b\r\nSubject: [NEW] \r\n\r\n" {
		t.Errorf("stored %q", b)
	}
	cmd := c.Append("INBOX", 4, &imap.AppendOptions{Flags: []imap.Flag{"$Forwarded"}})
	_, _ = io.WriteString(cmd, "A:b\n")
	_ = cmd.Close()
	if _, err := cmd.Wait(); err == nil {
		t.Error("keyword accepted")
	}
}
