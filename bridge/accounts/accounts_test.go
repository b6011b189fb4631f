package accounts

import (
	"testing"
	"time"

	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/internal/login"
)

func TestCredential(t *testing.T) {
	const anna = "anna@example.com"
	is := func(password string) func() (string, error) { return func() (string, error) { return password, nil } }
	s := New(Config{Clock: clock.Real(), Real: func(d time.Duration) time.Duration { return d }})
	s.Add(anna, Login{Password: is("old")}, Login{Password: is("new")})
	master := Server{Master: &Master{User: "migrator", Password: is("master")}}
	authzid := Server{Master: &Master{User: "migrator", Password: is("master"), Authzid: true}}
	for _, c := range []struct {
		name                         string
		server                       Server
		side                         cutover.Side
		username, identity, password string
		mechanism                    string
	}{
		{"the mailbox's own, legacy", Server{}, cutover.Legacy, "anna", "", "old", ""},
		{"the mailbox's own, cloud", Server{}, cutover.Cloud, "anna", "", "new", ""},
		{"a master user", master, cutover.Legacy, "anna*migrator", "", "master", ""},
		{"a master user with an authorization identity", authzid, cutover.Legacy, "migrator", "anna", "master", ""},
		{"a token", Server{Mechanism: login.XOAuth2}, cutover.Cloud, "anna", "", "", login.XOAuth2},
		{"a bearer token", Server{Mechanism: login.OAuthBearer}, cutover.Cloud, "anna", "", "", login.OAuthBearer},
	} {
		got := s.credential(account{anna, c.side}, &server{Server: c.server}, "anna")
		password := ""
		if got.Password != nil {
			password, _ = got.Password()
		}
		if got.Username != c.username || got.Authzid != c.identity || password != c.password || got.Mechanism != c.mechanism {
			t.Errorf("%s: %+v, password %q", c.name, got, password)
		}
		if byName := passwordLogin(got); (byName == nil) != (c.mechanism != "") {
			t.Errorf("%s: LOGIN is possible: %t", c.name, byName != nil)
		}
	}
	// A reload brings another password to those that exist.
	c := s.credential(account{anna, cutover.Cloud}, &server{}, "anna")
	s.Add(anna, Login{}, Login{Password: is("newer")})
	if password, err := c.Password(); err != nil || password != "newer" {
		t.Errorf("%q, %v", password, err)
	}
}

func TestBears(t *testing.T) {
	s := &Accounts{servers: map[string]*server{"legacy": {Server: Server{Mailboxes: 2}}, "cloud": {}}}
	for name, want := range map[string]int{"legacy": 2, "cloud": 0, "gone": 0} {
		if got := s.Bears(name); got != want {
			t.Errorf("%s bears %d mailboxes, want %d", name, got, want)
		}
	}
}

// What waits on less than an INBOX takes a quarter of the connections at the most, and leaves room for those that wait on one.
func TestRoomToWait(t *testing.T) {
	s := &server{waiting: imapstore.NewLimiter(4), spare: imapstore.NewLimiter(2)}
	var taken []func()
	acquire := func(spare bool) bool {
		release, room := s.acquireWaiting(spare)
		if room {
			taken = append(taken, release)
		}
		return room
	}
	for n, want := range []struct{ spare, room bool }{{true, true}, {true, true}, {true, false}, {false, true}, {false, true}, {false, false}} {
		if room := acquire(want.spare); room != want.room {
			t.Errorf("connection %d: room %v, want %v", n+1, room, want.room)
		}
	}
	for _, release := range taken {
		release()
	}
	for n, spare := range []bool{true, true, false, false} {
		if !acquire(spare) {
			t.Errorf("connection %d: what was given back is not free", n+1)
		}
	}
}
