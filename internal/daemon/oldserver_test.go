package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/test/neighbour"
)

// An old server of Postfix and Dovecot, as Debian has them, with their own logs: the canary shows up in both, mail that Dovecot delivers is seen by the bridge, and what Sieve discards is missed.
// A log that Dovecot does not write to any more is blind.
func TestRealOldServer(t *testing.T) {
	neighbour.Require(t, "sievec")
	b := newBed(t, layout{verdict: "delivered_within = \"2s\"", rest: "[evidence.dovecot]\nkind = \"dovecot\"\nfile = \"dovecot.log\"\n[evidence.postfix]\nkind = \"postfix\"\nfile = \"postfix.log\"\n" +
		"[canary]\nevery = \"10s\"\nwithin = \"5s\"\nto = \"bob@example.com\"\nfrom = \"canary@example.com\"\nlogin = \"carl@example.com\"\n"})
	must(t, os.Chmod(b.dir, 0o755)) // Dovecot's users read their rules
	for dir := b.dir; dir != "/" && strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
	log, rules := filepath.Join(b.dir, "dovecot.log"), filepath.Join(b.dir, "rules")
	must(t, os.Mkdir(rules, 0o755))
	must(t, os.Chmod(rules, 0o777)) // for what Sieve compiles
	must(t, os.WriteFile(filepath.Join(rules, "anna.sieve"), []byte("if header :contains \"subject\" \"unwelcome\" { discard; }\n"), 0o644))
	must(t, os.WriteFile(log, nil, 0o666))
	must(t, os.Chmod(log, 0o666))
	people := map[string]string{"anna": "old secret", "bob": "old secret", "carl": "old secret"}
	dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "old", Users: people, Settings: fmt.Sprintf(`log_path = %s
info_log_path = %s
protocol lmtp {
  mail_plugins = sieve
}
plugin {
  sieve = file:%s/%%n.sieve
}
`, log, log, rules)})
	postfix := neighbour.StartPostfix(t, neighbour.PostfixConfig{
		Name: "mta", NextHop: "lmtp:inet:" + dovecot.LMTP, Settings: "maillog_file_prefixes = /\nmaillog_file = " + filepath.Join(b.dir, "postfix.log") + "\n",
	})
	cfg := b.config()
	old := cfg.Servers["legacy"]
	old.IMAP, old.SMTP = dovecot.IMAP, postfix.SMTP
	cfg.Servers["legacy"] = old
	b.daemon = b.newWith(cfg, func(o *daemon.Options) { o.Speed = 2 }) // house-keeping in tenths of seconds
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(b.stop)
	b.until("the copy", copied)

	b.untilEvidence("the canary to show up", func(e control.Evidence) bool {
		return slices.Equal(ran(e, "mail").Seen, []string{"postfix"}) && slices.Equal(ran(e, "login").Seen, []string{"dovecot"})
	})
	t.Cleanup(func() {
		if text, _ := os.ReadFile(log); t.Failed() {
			t.Logf("%s", text)
		}
	})
	for _, subject := range []string{"welcome", "unwelcome"} {
		result, err := b.sender.Send(t.Context(), postfix.SMTP, "x@sender.example", []string{"anna@example.com"}, message(subject, "x@sender.example", "anna@example.com"))
		if err != nil || !result.Final.OK() {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	e := b.untilEvidence("the one to be seen and the other missed", func(e control.Evidence) bool { return e.Local.Missing == 1 && e.Local.Seen == 1 && e.Local.Open == 0 })
	if m := e.Local.List[0]; m.Message != "<unwelcome@sender.example>" || m.Note != "discarded by Sieve" || m.Mailbox != "anna" {
		t.Errorf("%+v", m)
	}
	for _, w := range e.Sources {
		if used := map[string]int{"postfix": 2, "mailboxes": 1}[w.Name]; w.Week != used || w.Blind != "" && w.Name != "mx" || w.Unparsed > 0 {
			t.Errorf("%+v", w)
		}
	}
	must(t, os.Rename(log, log+".elsewhere")) // Dovecot goes on writing there: it was not told to open its log anew
	must(t, os.WriteFile(log, []byte(time.Now().Format(time.Stamp)+" master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap, lmtp\n"), 0o666))
	later := time.Now().Add(time.Hour) // whatever goes on being written elsewhere
	must(t, os.Chtimes(log, later, later))
	b.untilEvidence("Dovecot's log to be blind", func(e control.Evidence) bool {
		return strings.Contains(watched(e, "dovecot").Blind, "our own test login") && watched(e, "postfix").Blind == ""
	})
}
