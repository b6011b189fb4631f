package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// base is a file that loads; tests add to it.
const base = `domains = ["example.com", "example.net"]
[servers.legacy]
side = "legacy"
imap = "exch01.example.com:993"
smtp = "exch01.example.com:25"
[servers.cloud]
side = "cloud"
imap = "outlook.office365.com:993"
smtp = "mx.example.com:25"
`

// parse loads base and more, in a folder with that mailboxes file.
func parse(t testing.TB, more, mailboxes string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "mailboxes.csv", mailboxes, 0o600)
	return Parse(filepath.Join(dir, "posthouse.toml"), []byte(base+more))
}

func mustParse(t testing.TB, more, mailboxes string) *Config {
	t.Helper()
	cfg, err := parse(t, more, mailboxes)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDefaults(t *testing.T) {
	cfg := mustParse(t, "", "")
	want := Default()
	if !reflect.DeepEqual(cfg.Relay, want.Relay) || !reflect.DeepEqual(cfg.Verdict, want.Verdict) || cfg.Log != want.Log {
		t.Errorf("what is not given is not the default:\n%+v\n%+v", cfg, want)
	}
	if cfg.Relay.HoldAfter != 5*day || cfg.Relay.Retry[5] != 15*time.Minute || cfg.Bridge.SettleTime != 10*time.Second {
		t.Errorf("relay: %+v", cfg.Relay)
	}
	if cfg.Verdict.BlindBelow != 0.9 || cfg.Verdict.Quiet != 72*time.Hour {
		t.Errorf("verdict: %+v", cfg.Verdict)
	}
	if s := cfg.Servers["cloud"]; s.Name != "cloud" || s.IMAPTLS != TLSImplicit || s.SMTPTLS != TLSStartTLS || s.SMTPAuth != "none" || s.Login != LoginPassword {
		t.Errorf("server: %+v", s)
	}
	if got := cfg.Routes.Arriving.To; !reflect.DeepEqual(got, []Destination{{Home, ViaSMTP}}) {
		t.Errorf("route: %v", got)
	}
	if cfg.State != "/var/lib/posthouse" || cfg.Control.Socket != "/var/lib/posthouse/control.sock" {
		t.Errorf("state %s, socket %s", cfg.State, cfg.Control.Socket)
	}
}

func TestEverythingGiven(t *testing.T) {
	t.Setenv("POSTHOUSE_TEST_SECRET", hidden)
	cfg := mustParse(t, `smtp_login = "posthouse"
smtp_password = "env:POSTHOUSE_TEST_SECRET"
[alias_domains]
"Old.example" = "example.com"
[recipients]
groups = { "All@example.com" = ["anna@example.com", "Friend@Elsewhere.example"] }
[listeners.mx]
role = "mx"
address = "127.0.0.1:0"
legacy_addresses = ["10.0.0.10", "2001:db8::/32"]
max_message_size = "35MiB"
[routes.arriving]
to = ["cloud:mailbox", "legacy:smtp"]
tee = true
[relay]
retry = ["1s", "1d"]
[bridge]
skip = []
settle_time = "2s"
folders = { "Sent Items" = "Sent" }
[bridge.mailboxes."Anna@Example.com"]
copy = ["Trash"]
folders = { "a\\/b" = "a-b" }
[bridge.shared.sales]
folder = "Public/Sales"
mailbox = "Anna@example.com"
into = "Sales"
[evidence.imap]
kind = "dovecot"
file = "dovecot.log"
[verdict]
blind_below = 1
mx_switched = 2026-11-21 18:00:00+01:00
[control]
socket = "c.sock"
`, "address\nanna@example.com\n")
	if s := cfg.Servers["cloud"]; s.SMTPAuth != "plain" || s.SMTPPassword.String() != "env:POSTHOUSE_TEST_SECRET" {
		t.Errorf("server: %+v", s)
	}
	if cfg.AliasDomains["old.example"] != "example.com" {
		t.Errorf("alias domains: %v", cfg.AliasDomains)
	}
	if got := cfg.Recipients.Groups["all@example.com"]; !reflect.DeepEqual(got, []string{"anna@example.com", "friend@elsewhere.example"}) {
		t.Errorf("group: %v", got)
	}
	l := cfg.Listeners["mx"]
	if l.MaxMessageSize != 35<<20 || !reflect.DeepEqual(l.LegacyAddresses, []netip.Prefix{netip.MustParsePrefix("10.0.0.10/32"), netip.MustParsePrefix("2001:db8::/32")}) {
		t.Errorf("listener: %+v", l)
	}
	if got := cfg.Routes.Arriving; !got.Tee || !reflect.DeepEqual(got.To, []Destination{{"cloud", ViaMailbox}, {"legacy", ViaSMTP}}) {
		t.Errorf("route: %+v", got)
	}
	if got := cfg.Relay.Retry; !reflect.DeepEqual(got, []time.Duration{time.Second, 24 * time.Hour}) {
		t.Errorf("retry: %v", got)
	}
	if cfg.Bridge.SettleTime != 2*time.Second || len(cfg.Bridge.Skip) != 0 || cfg.Bridge.Folders["Sent Items"] != "Sent" {
		t.Errorf("bridge: %+v", cfg.Bridge)
	}
	if got := cfg.Bridge.Mailboxes["anna@example.com"]; got.Name != "anna@example.com" || !slices.Equal(got.Copy, []string{"Trash"}) || got.Folders[`a\/b`] != "a-b" || got.Skip != nil {
		t.Errorf("rules of one mailbox: %+v", got)
	}
	if got := cfg.Bridge.Shared["sales"]; got != (SharedTree{Name: "sales", Folder: "Public/Sales", Mailbox: "anna@example.com", Into: "Sales"}) {
		t.Errorf("shared folder: %+v", got)
	}
	if s := cfg.Evidence["imap"]; s.Name != "imap" || !s.Required || filepath.Base(s.File) != "dovecot.log" {
		t.Errorf("source: %+v", s)
	}
	if v := cfg.Verdict; v.BlindBelow != 1 || !v.MXSwitched.Equal(time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)) {
		t.Errorf("verdict: %+v", v)
	}
	if want := filepath.Join(filepath.Dir(cfg.File), "c.sock"); cfg.Control.Socket != want {
		t.Errorf("socket %s, want %s", cfg.Control.Socket, want)
	}
}

func TestLoadWhatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "posthouse.toml")
	_, err := Load(path)
	var all *Errors
	if !errors.As(err, &all) || len(all.Problems) != 1 || all.Problems[0].File != path || all.Problems[0].Line != 0 {
		t.Fatalf("%#v", err)
	}
	if want := path + ": no such file or directory"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mailboxes.csv", "\uFEFFaddress\nanna@example.com\n", 0o600)
	path := write(t, dir, "posthouse.toml", "\uFEFF"+base, 0o600)
	cfg, err := Load(path)
	if err != nil || len(cfg.Mailboxes) != 1 {
		t.Errorf("%v, %v", cfg, err)
	}
}

func TestNotUTF8(t *testing.T) {
	_, err := Parse("posthouse.toml", []byte("a = 1\nb = \"\xff\""))
	if err == nil || !strings.Contains(err.Error(), "posthouse.toml:2:6: syntax: the file is not UTF-8") {
		t.Errorf("%v", err)
	}
	if _, err := parse(t, "", "address\nanna@example.com,\xe4"); err == nil || !strings.Contains(err.Error(), "mailboxes.csv:2:1: the file is not UTF-8; save it as CSV UTF-8") {
		t.Errorf("%v", err)
	}
}

// A key and a value are found again where they stand, however they are written.
func TestPositions(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		length       int
	}{
		{"\n\nquite = 1", 3, 1, 5},
		{"\tverdict.quite = 1", 1, 2, 13},
		{"verdict = { quiet = \"1m\", quite = 1 }", 1, 27, 5},
		{"# äöü\r\n[verdict]\r\n  \"quite\" = 1\r\n", 3, 3, 7},
		{"domains = [\n  \"example.com\", # ä\n  \"ä ä\",\n]", 3, 3, 5},
		{"domains  =\t[ \"example.com\", 'b b' ]", 1, 29, 5},
		{"domains = { a = 1 }", 1, 11, 9},
		{"verdict = [\n1\n]", 1, 11, 1},
		{"organisation = \"\"\"\nä\"\"\" # \ndomains = 5", 3, 11, 1},
		{"domains = 5", 1, 11, 1},
	} {
		_, err := Parse("posthouse.toml", []byte(c.text))
		var all *Errors
		if !errors.As(err, &all) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		found := false
		for _, p := range all.Problems {
			found = found || p.Line == c.line && p.Column == c.column && p.Length == c.length
		}
		if !found {
			t.Errorf("%q: nothing at %d:%d+%d in\n%v", c.text, c.line, c.column, c.length, err)
		}
	}
}

// What the TOML library refuses is refused, whether or not our own tree has a rule for it.
func TestLanguageRules(t *testing.T) {
	for _, text := range []string{
		"verdict.quiet = \"1h\"\n[verdict]\nwindow = \"1h\"\n",
		"[relay]\nretry.x = 1\n[relay.retry]\n",
		"[verdict]\nmx_switched = 2026-13-41T00:00:00Z\n",
		"[relay]\nworkers = 09\n",
		"[relay]\nworkers = 1__0\n",
		"[verdict]\nblind_below = nan\n",
		"[verdict]\nblind_below = inf\n",
	} {
		if _, err := parse(t, text, ""); err == nil {
			t.Errorf("accepted: %q", text)
		}
	}
}

// However the file is broken, no secret comes out.
func TestNoSecretInErrors(t *testing.T) {
	for _, text := range []string{
		`smtp_password = "hunter2"`, `smtp_password = 'hunter2'`, `smtp_password = ["hunter2"]`, `smtp_password = { x = "hunter2" }`,
		`smtp_pasword = "hunter2"`, `pw = "hunter2"`, `oauth = "hunter2"`, `oauth.client_secret = "hunter2"`, `oauth.x.y = "hunter2"`,
		`smtp_password = hunter2`, `smtp_password = "hunter2`, `smtp_password "hunter2"`, `"hunter2`, `hunter2`, `= "hunter2"`,
		"smtp_password = \"\"\"\nhunter2\"\"\"", "smtp_password = \"\"\"\nhunter2", "pw = '''\nhunter2\n''' x",
		"smtp_password = [\n\"hunter2\",\n\"hunter2\" 3\n]", `smtp_password = "env:A"` + "\n" + `smtp_password = "hunter2"`,
		`oauth = { client_secret = "hunter2", }x`, `oauth = { client_secret = "hunter2", kind = "x" }`, "[[servers.x]]\nsmtp_password = \"hunter2\"",
		"[imap]\npassword = \"hunter2\"", "imap = { password = \"hunter2\" }", `smtp_password = "hunter2" # "hunter2"`,
		"smtp_login = \"x\" smtp_password = \"hunter2\"", `smtp_password = "credential:../hunter2"`, "# \xff\nsmtp_password = \"hunter2\"",
		"smtp_password = \"hunter2\" \xff",
	} {
		cfg, err := Parse("posthouse.toml", []byte(base+text+"\n"))
		if err == nil {
			t.Errorf("accepted: %q: %+v", text, cfg)
			continue
		}
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%q comes out:\n%v", text, err)
		}
	}
}

func TestMailboxesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "mailboxes.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Parse(filepath.Join(dir, "posthouse.toml"), []byte(base))
	if err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("%v", err)
	}
}

func TestMailboxesThatTheServiceCannotRead(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/m.csv", Err: syscall.EACCES}
	if got, want := mailboxesHint("/two words/m.csv", denied), "chown root:posthouse '/two words/m.csv' && chmod 0640 '/two words/m.csv'"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := mailboxesHint("/m.csv", denied), "chown root:posthouse /m.csv && chmod 0640 /m.csv"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := mailboxesHint("/m.csv", fs.ErrNotExist); got != "" {
		t.Errorf("got %q for a file that is not there", got)
	}
}
