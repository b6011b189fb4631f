package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// sieves are the rules that people left behind on the old server; "" is a mailbox without any.
var sieves = map[string]string{
	"anna": `require ["vacation"]; vacation :days 1 :subject "Away" "I am away.";`,
	"carl": `redirect "friend@outside.example";`,
	"dora": `require ["copy"]; redirect :copy "dora@tenant.example";`,
	"emil": `require ["enotify"]; notify "mailto:emil@outside.example";`,
	"fred": ``, // his quota is used up
	"gina": `require ["reject"]; reject "not here";`,
	"hugo": ``,
}

// ruled is an old server of Debian's Dovecot and Postfix whose users have rules, and a cloud that is ours, with a daemon between them that gives the old server a copy of everything.
type ruled struct {
	t       *testing.T
	legacy  *neighbour.Dovecot
	old     *neighbour.Postfix
	outside *testserver.SMTP // everybody else in the world
	cloud   *testserver.IMAP
	mx      *testserver.SMTP
	address string // of the listener
	daemon  *daemon
}

func newRuled(t *testing.T) *ruled {
	t.Helper()
	neighbour.Require(t, "postfix")
	neighbour.Require(t, "sievec")
	r := &ruled{t: t, outside: testserver.NewSMTP(testserver.SMTPConfig{}), cloud: testserver.NewIMAP(testserver.IMAPConfig{})}
	r.mx = testserver.NewSMTP(testserver.SMTPConfig{Deliver: r.cloud.DeliverEnvelope})
	serve(t, r.outside, r.cloud, r.mx)
	users := map[string]string{}
	csv := "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password,home\n"
	for name := range sieves {
		users[name] = "old"
		r.cloud.AddUser(name+"@example.com", "new")
		csv += fmt.Sprintf("%[1]s@example.com,legacy,%[1]s,old,cloud,%[1]s@example.com,new,cloud\n", name)
	}
	outside := "[" + strings.Replace(r.outside.Addr(), ":", "]:", 1)
	r.legacy = neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: users, Settings: fmt.Sprintf(`
submission_host = %s
mail_plugins = quota
protocol lmtp {
  mail_plugins = quota sieve
}
plugin {
  sieve = file:%s/%%n.sieve
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0%%%%
  quota_rule = *:storage=100K
}
`, r.outside.Addr(), writeSieves(t))})
	r.old = neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "old", Settings: fmt.Sprintf(
		"transport_maps = inline:{ {example.com=lmtp:inet:%s}, {*=smtp:%s} }\nsmtpd_authorized_xforward_hosts = 127.0.0.0/8", r.legacy.LMTP, outside)})
	r.address = neighbour.Address() + ":2525"
	r.daemon = newDaemon(t, folder(t), settings{
		oldIMAP: r.legacy.IMAP, cloudIMAP: r.cloud.Addr(), cloudSMTP: r.mx.Addr(), listener: r.address,
		old: fmt.Sprintf("smtp = %q\nsmtp_tls = \"none\"", r.old.SMTP), arriving: "tee = true", relay: hasty, bridge: often,
	}.toml(), map[string]string{"mailboxes.csv": csv})
	return r
}

// writeSieves puts everybody's rules into a folder that Dovecot's users may read.
func writeSieves(t *testing.T) (rules string) {
	t.Helper()
	rules = t.TempDir()
	for dir := rules; dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o005 != 0o005 {
			if err := os.Chmod(dir, info.Mode().Perm()|0o055); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, rule := range sieves {
		if err := os.WriteFile(filepath.Join(rules, name+".sieve"), []byte(rule+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return rules
}

// send gives a message to a server, as somebody outside.
func (r *ruled) send(server, number string, to ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for i, name := range to {
		to[i] = name + "@example.com"
	}
	answer, err := testserver.Sender{Helo: "pc.partner.example", LocalAddr: "127.0.0.77"}.Send(ctx, server, "a@other.example", to, letterTo(number, to))
	if err != nil || answer.Final.Code != 250 {
		r.t.Fatalf("letter %s: %+v, %v", number, answer, err)
	}
}

// letterTo is a letter whose header names its recipients, as vacation replies want it.
func letterTo(number string, to []string) []byte {
	return append([]byte("To: "+strings.Join(to, ", ")+"\r\n"), letter(number, 0)...)
}

// left are the messages that left the old server for the world, as "sender → recipients".
func (r *ruled) left() (all []string) {
	for _, e := range r.outside.Received() {
		header, _, _ := strings.Cut(string(e.Data), "\r\n\r\n")
		all = append(all, fmt.Sprintf("%q → %s\n%s", e.From, strings.Join(e.Recipients(), ", "), header))
	}
	return all
}

// TestTeeDisturbsNobody: the copy for the old server sets off no vacation reply, no redirection, no notice and no bounce, though all of them work there; the old server is told who the true client was; and the cloud has the message once.
func TestTeeDisturbsNobody(t *testing.T) {
	t.Parallel()
	r := newRuled(t)
	full := neighbour.OpenMailbox(t, r.legacy.IMAP, "fred", "old", nil)
	full.Append("INBOX", neighbour.Upload{Bytes: letter("filling", 102000), Date: time.Now()})

	// The rules do work: this is a stranger's message that reaches the old server directly.
	everybody := []string{"anna", "carl", "dora", "emil", "fred", "gina"}
	for _, name := range everybody {
		r.send(r.old.SMTP, "direct "+name, name)
	}
	neighbour.Wait(t, patience, "six messages to leave", func() bool { return r.outside.Accepted() >= len(everybody) })
	r.outside.Reset()

	r.daemon.start()
	for _, name := range append(everybody, "hugo") {
		r.send(r.address, "tee "+name, name)
	}
	r.send(r.address, "tee all", "anna", "carl", "dora", "emil", "fred", "gina", "hugo")
	began := time.Now()
	r.daemon.until("everything to be settled", settledSince(began))
	hugo := neighbour.OpenMailbox(t, r.legacy.IMAP, "hugo", "old", nil)
	neighbour.Wait(t, patience, "the copies to come to rest", func() bool { return hugo.Count("INBOX") == 2 && r.old.Queued() == 0 })
	if !r.old.Said("orig_client=unknown[127.0.0.77]") {
		t.Error("the old server's log does not name the true client")
	}
	if left := r.left(); len(left) > 0 {
		t.Errorf("the copies made the old server send %d messages:\n%s", len(left), strings.Join(left, "\n"))
	}
	r.daemon.until("another look at every mailbox", settledSince(time.Now()))
	for name := range sieves {
		for _, number := range []string{"tee " + name, "tee all"} {
			if n := r.inCloud(name, number); n != 1 {
				t.Errorf("%s has %q %d times in the cloud", name, number, n)
			}
		}
	}
	r.daemon.stop()
}

func (r *ruled) inCloud(name, number string) (n int) {
	r.t.Helper()
	o := &office{t: r.t, cloud: r.cloud}
	return o.received(name + "@example.com")[number]
}
