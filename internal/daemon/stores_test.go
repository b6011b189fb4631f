package daemon

import (
	"testing"

	"posthouse/config"
	"posthouse/internal/clock"
	"posthouse/internal/login"
)

// What the configuration says of a server is what its accounts are opened by.
func TestServerOfAccounts(t *testing.T) {
	d := &Daemon{opts: Options{Clock: clock.Real()}}
	line, err := config.ParseBandwidth("1MB/s")
	if err != nil {
		t.Fatal(err)
	}
	plain := config.Server{IMAP: "127.0.0.1:143", Login: config.LoginPassword, MaxConnections: 4}
	paced, tokens, master, dav, files := plain, plain, plain, plain, plain
	paced.Bandwidth = []config.Bandwidth{line}
	tokens.Login, tokens.MasterUser = config.LoginXOAuth2, "nobody"
	master.MasterUser, master.AuthzID, master.MasterPassword = "migrator", true, config.LiteralSecret("master")
	dav.DAV, files.DAV = "https://dav.example.com/{login}/", "file:///srv/export/{login}"
	for _, s := range []config.Server{plain, paced, tokens, master, dav, files} {
		got, err := d.newServer(s)
		if err != nil {
			t.Fatal(err)
		}
		if (got.Rate != nil) != (s.Bandwidth != nil) || got.Rate != nil && got.Rate() != 1_000_000 {
			t.Errorf("%+v: the rate", s)
		}
		if (got.Mechanism == login.XOAuth2) != (s.Login == config.LoginXOAuth2) || (got.Master != nil) != (s.MasterUser == "migrator") || got.Master != nil && !got.Master.Authzid {
			t.Errorf("%+v: %q, master %+v", s, got.Mechanism, got.Master)
		}
		if got.DAV != nil && got.DAV("a b") != "https://dav.example.com/a%20b/" || got.Files != nil && got.Files("anna") != "/srv/export/anna" || (got.DAV != nil || got.Files != nil) != (s.DAV != "") {
			t.Errorf("%+v: calendars", s)
		}
		if got.DAVTLS != nil && (got.DAVTLS.ServerName != "" || got.TLS.ServerName != "127.0.0.1") {
			t.Errorf("%+v: verified as %q", s, got.DAVTLS.ServerName)
		}
	}
}
