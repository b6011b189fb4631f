package e2e

import (
	"fmt"
	"testing"
)

// settings are the configuration between one old server and one cloud that takes mail by SMTP or LMTP. What a test adds is lines of the table that the field names.
type settings struct {
	oldIMAP, cloudIMAP, cloudSMTP string
	listener                      string // of role mx

	old, cloud, arriving, relay, bridge string
	tables                              string // further ones
}

// small is [relay] for tests that are not about the disk; hasty is, with it, for those that are about nothing that takes time, and often is [bridge] for them.
const (
	small = `disk_reserve = "1MB"`
	hasty = "retry = [\"1s\"]\nsettle_time = \"2s\"\n" + small
	often = `poll_interval = "1s"`
)

func (s settings) toml() string {
	return fmt.Sprintf(`state = "state"
domains = ["example.com"]
[servers.legacy]
side = "legacy"
imap = %q
imap_tls = "none"
%s
[servers.cloud]
side = "cloud"
imap = %q
imap_tls = "none"
smtp = %q
smtp_tls = "none"
%s
[listeners.mx]
role = "mx"
address = %q
hostname = "mail.example.com"
[routes.arriving]
to = ["cloud:smtp"]
%s
[relay]
%s
[bridge]
%s
%s
`, s.oldIMAP, s.old, s.cloudIMAP, s.cloudSMTP, s.cloud, s.listener, s.arriving, s.relay, s.bridge, s.tables)
}

// sameLogins are the mailboxes of users who log in on both sides with their name and one password.
func sameLogins(users map[string]string) string {
	csv := "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password,home\n"
	for name, password := range users {
		csv += fmt.Sprintf("%[1]s@example.com,legacy,%[1]s,%[2]s,cloud,%[1]s,%[2]s,cloud\n", name, password)
	}
	return csv
}

// serve starts servers, and stops them in the end.
func serve(t testing.TB, servers ...interface {
	Start() error
	Stop()
}) {
	t.Helper()
	for _, s := range servers {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
	}
}
