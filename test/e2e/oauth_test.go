package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver/corpus"
	"posthouse/test/neighbour"
)

// tokenServer gives out numbered tokens to the application and tells Dovecot (RFC 7662) which are good. It stands for the cloud's; whom a token opens is asked by login,
// as Microsoft's application tokens open every mailbox.
type tokenServer struct {
	mu     sync.Mutex
	issued int
	good   map[string]bool
	user   string
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/token" {
		if id, secret, ok := r.BasicAuth(); ok && (id != "application" || secret != "client's secret") ||
			!ok && (r.FormValue("client_id") != "application" || r.FormValue("client_secret") != "client's secret") {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
			return
		}
		s.issued++
		token := fmt.Sprintf("token-%d", s.issued)
		s.good[token] = true
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
		return
	}
	if s.good[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		fmt.Fprintf(w, `{"active":true,"username":%q}`, s.user)
		return
	}
	fmt.Fprint(w, `{"active":false}`)
}

func (s *tokenServer) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.good)
}

// tokenToml is a cloud that is logged in to by tokens of an application, and takes mail into the mailbox alone.
const tokenToml = `state = "state"
domains = ["example.com"]
[servers.legacy]
side = "legacy"
imap = %q
imap_tls = "none"
[servers.cloud]
side = "cloud"
imap = %q
imap_tls = "none"
login = "xoauth2"
[servers.cloud.oauth]
kind = "client_credentials"
token_url = %q
client_id = "application"
client_secret = "file:secret"
scope = "https://outlook.office365.com/.default"
[listeners.mx]
role = "mx"
address = %q
[routes.arriving]
to = ["cloud:mailbox"]
[relay]
disk_reserve = "1MB"
`

// The daemon knows no password of the cloud: it copies, delivers and verifies with the application's tokens, which a real Dovecot asks the token server about.
func TestXOAUTH2(t *testing.T) {
	t.Parallel()
	tokens := &tokenServer{good: map[string]bool{}, user: "anna"}
	web := httptest.NewServer(tokens)
	t.Cleanup(web.Close)
	legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: map[string]string{"anna": "secret"}})
	cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{ // the password is for reading what came of it
		Name: "cloud", Users: map[string]string{"anna": "secret"}, Format: "sdbox", Introspect: web.URL + "/introspect",
	})
	anna := neighbour.OpenMailbox(t, legacy.IMAP, "anna", "secret", nil)
	g := corpus.New(5)
	var messages []corpus.Message
	for range 100 {
		messages = append(messages, g.Next())
	}
	anna.Append("INBOX", uploads(messages)...)
	listener := neighbour.Address() + ":2525"
	d := newDaemon(t, folder(t), fmt.Sprintf(tokenToml, legacy.IMAP, cloud.IMAP, web.URL+"/token", listener), map[string]string{
		"mailboxes.csv": "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,home\nanna@example.com,legacy,anna,secret,cloud,anna,cloud\n",
		"secret":        "client's secret\n",
	})
	d.start()
	d.until("anna to be copied", func(s control.Status) bool {
		return !s.Mailboxes[0].Caught.IsZero() && s.Mailboxes[0].Done == len(messages)
	})
	o := &office{t: t, listener: listener}
	o.must("1", "anna@example.com")
	d.until("the letter to be settled", func(s control.Status) bool { return s.Queue.Settled == 1 && settledSince(time.Time{})(s) })
	err := d.client.Verify(t.Context(), nil, false, func(v control.Verified) error {
		if v.Error != "" || v.Equal == 0 || len(v.Missing)+len(v.Extra) > 0 {
			t.Errorf("verify: %+v", v)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	// The tokens are revoked before their time, and all connections end: nobody waits for the next try after a refused login.
	tokens.revoke()
	cloud.Stop()
	cloud.Start()
	anna.Append("INBOX", uploads([]corpus.Message{g.Next()})...)
	d.until("the news to be copied with a new token", func(s control.Status) bool { return s.Mailboxes[0].Done == len(messages)+1 })
	d.stop()

	copies := neighbour.OpenMailbox(t, cloud.IMAP, "anna", "secret", nil)
	old, now := read(anna), read(copies)
	if n := numbersIn(copies.Read("INBOX")); n["1"] != 1 {
		t.Errorf("letters in the cloud: %v", n)
	}
	for c := range now["INBOX"] {
		if c.captured {
			delete(now["INBOX"], c)
		}
	}
	differ(t, "anna", old, now)
}
