package logtail

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// heardOf reads what a real server logged: what counts, what was delivered, and how many lines were not understood.
type heardOf struct {
	use       []evidence.Observation
	delivered []evidence.LocalDelivery
	own       int
}

func listen(t *testing.T, c Config, log string) (h heardOf) {
	t.Helper()
	c.Source, c.Own, c.Zone = "log", []netip.Prefix{netip.MustParsePrefix("127.0.0.25/32")}, time.Local
	s := NewState(c, time.Now())
	for line := range strings.Lines(log) {
		e, r := Parse(strings.TrimSuffix(line, "\n"), s)
		if r == Unparsed {
			t.Errorf("not understood: %s", line)
		}
		if e.Own != notOurs {
			h.own++
		}
		h.use, h.delivered = append(h.use, e.Use...), append(h.delivered, e.Delivered...)
	}
	return h
}

// told are the observations, as channel, sender, Message-ID.
func told(use []evidence.Observation) []string {
	var all []string
	for _, o := range use {
		all = append(all, strings.TrimSpace(string(o.Channel)+" "+o.Sender+" "+o.Message))
	}
	slices.Sort(all)
	return all
}

func kept(delivered []evidence.LocalDelivery) []string {
	var all []string
	for _, d := range delivered {
		all = append(all, strings.TrimSpace(d.Mailbox+" "+d.Message+" "+d.Lost))
	}
	slices.Sort(all)
	return all
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

func mailOf(id string) []byte {
	return []byte("Message-ID: <" + id + ">\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nFrom: carl@other.example\r\nSubject: x A=y H=z \"q\" <= R=1\r\n\r\nbody\r\n")
}

// A real Exim takes mail, refuses some, takes a user's and refuses a wrong password, and puts mail into mailboxes; with each form its log can have.
func TestExim(t *testing.T) {
	for name, settings := range map[string]string{
		"plain": "", "all": "log_selector = +all\nlog_timezone = true", "pid": "log_selector = +pid +millisec +incoming_interface +subject +smtp_protocol_error",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exim := neighbour.StartExim(t, neighbour.EximConfig{
				Name: "mx", Next: "127.0.0.1:9", Refuse: []string{"gone@example.com"}, Keeps: "example.com", Users: map[string]string{"anna": "secret"}, Settings: settings,
			})
			outside, bridge := neighbour.Address(), "127.0.0.25"
			for _, m := range []struct {
				sender testserver.Sender
				id, to string
				taken  bool
			}{
				{testserver.Sender{LocalAddr: outside}, "in@other.example", "Bob@example.com", true},
				{testserver.Sender{LocalAddr: outside}, "none@other.example", "gone@example.com", false},
				{testserver.Sender{LocalAddr: outside}, "nowhere@other.example", "noreply@example.com", true},
				{testserver.Sender{LocalAddr: outside, Unfinished: true}, "cut@other.example", "bob@example.com", false},
				{testserver.Sender{LocalAddr: outside, User: "anna", Password: "secret"}, "out@example.com", "bob@example.com", true},
				{testserver.Sender{LocalAddr: outside, User: "anna", Password: "wrong"}, "bad@example.com", "bob@example.com", false},
				{testserver.Sender{LocalAddr: bridge}, "tee@example.com", "bob@example.com", true},
			} {
				got, err := m.sender.Send(t.Context(), exim.SMTP, "carl@other.example", []string{m.to}, mailOf(m.id))
				if taken := err == nil && got.Final.OK(); taken != m.taken {
					t.Fatalf("%s: %+v, %v", m.id, got, err)
				}
			}
			neighbour.Wait(t, time.Minute, "all to be delivered", func() bool { return strings.Count(exim.MainLog(), " Completed") == 4 })
			h := listen(t, Config{Dialects: []string{Exim}}, exim.MainLog())
			equal(t, "use", told(h.use), []string{
				"sending " + outside + " <in@other.example>", "sending " + outside + " <nowhere@other.example>", "sending anna <out@example.com>",
			})
			equal(t, "delivered", kept(h.delivered), []string{
				"bob@example.com <in@other.example>", "bob@example.com <out@example.com>", "bob@example.com <tee@example.com>",
				"noreply@example.com <nowhere@other.example> thrown away by Exim",
			})
			if h.own != 1 || h.use[0].At.Before(time.Now().Add(-time.Hour)) || h.use[0].At.After(time.Now()) {
				t.Errorf("%d of our own; %v", h.own, h.use[0].At)
			}
		})
	}
}

// speakIMAP says commands from an address, and hangs up.
func speakIMAP(t *testing.T, from, addr string, commands ...string) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Minute}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(conn)
	for i, command := range commands {
		fmt.Fprintf(conn, "a%d %s\r\n", i, command)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			if strings.HasPrefix(line, fmt.Sprintf("a%d ", i)) {
				break
			}
		}
	}
}

// openFolder is a temporary folder that servers can use without privileges.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph-log")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// ended are the logins among observations that tell the end of a session.
func ended(use []evidence.Observation) (all []string) {
	for _, o := range use {
		if !o.Until.IsZero() && !o.Until.Before(o.At) {
			all = append(all, o.Detail+" "+o.Sender+" "+o.Client.String())
		}
	}
	slices.Sort(all)
	return all
}

// A real Cyrus takes logins of a user and ours, refuses a wrong password, and delivers by LMTP. Who hangs up is missed only where it writes an audit log.
func TestCyrus(t *testing.T) {
	for goodbye, settings := range map[string]string{"LOGOUT": "", "NOOP": "auditlog: yes"} {
		t.Run(goodbye, func(t *testing.T) {
			t.Parallel()
			cyrus := neighbour.StartCyrus(t, neighbour.CyrusConfig{Name: "old", Users: map[string]string{"anna": "secret", "bob.b": "secret"}, Slashes: true, Logged: true, Settings: settings})
			phone := neighbour.Address()
			speakIMAP(t, phone, cyrus.IMAP, "LOGIN anna wrong")
			speakIMAP(t, phone, cyrus.IMAP, "LOGIN anna secret", "SELECT INBOX", goodbye)
			speakIMAP(t, "127.0.0.25", cyrus.IMAP, "LOGIN anna secret", "SELECT INBOX", goodbye)
			speakIMAP(t, "127.0.0.1", cyrus.IMAP, "LOGIN bob.b secret", "SELECT INBOX", goodbye)
			cyrus.Sieve("bob.b", `if header :contains "message-id" "unwanted" { discard; }`)
			for id, to := range map[string]string{"anna": "anna", "bob.b": "bob.b", "unwanted": "bob.b", "nobody": "nobody"} {
				got, err := testserver.Sender{LMTP: true}.Send(t.Context(), cyrus.LMTP, "carl@other.example", []string{to}, mailOf(id+"@other.example"))
				if err != nil || got.Rcpts[0].OK() != (to != "nobody") {
					t.Fatalf("%s: %+v, %v", to, got, err)
				}
			}
			c := Config{Dialects: []string{Cyrus}}
			neighbour.Wait(t, time.Minute, "the log", func() bool {
				h := listen(t, c, cyrus.Log())
				return len(ended(h.use)) == 2 && h.own == 2 && len(h.delivered) == 3
			})
			h := listen(t, c, cyrus.Log())
			equal(t, "ended", ended(h.use), []string{"IMAP anna " + phone, "IMAP bob.b 127.0.0.1"})
			equal(t, "delivered", kept(h.delivered), []string{"anna <anna@other.example>", "bob.b <bob.b@other.example>", "bob.b <unwanted@other.example> discarded by Sieve"})
			if len(h.use) != 4 {
				t.Errorf("%d observations", len(h.use))
			}
			arriving := listen(t, Config{Deliveries: true}, cyrus.Log()).use
			arriving = slices.DeleteFunc(arriving, func(o evidence.Observation) bool { return o.Channel != evidence.Arriving })
			equal(t, "arriving", told(arriving), []string{"arriving  <anna@other.example>", "arriving  <bob.b@other.example>"})
		})
	}
}

// A real Courier takes logins of users and ours, and refuses a wrong password; one client hangs up.
func TestCourier(t *testing.T) {
	courier := neighbour.StartCourier(t, neighbour.CourierConfig{Name: "old", Users: map[string]string{"anna": "secret", "bob": "secret"}})
	phone := neighbour.Address()
	speakIMAP(t, phone, courier.IMAP, "LOGIN anna wrong")
	speakIMAP(t, phone, courier.IMAP, "LOGIN anna secret", "SELECT INBOX")
	speakIMAP(t, "127.0.0.25", courier.IMAP, "LOGIN anna secret", "SELECT INBOX", "LOGOUT")
	speakIMAP(t, "127.0.0.1", courier.IMAP, "LOGIN bob secret", "SELECT INBOX", "LOGOUT")
	c := Config{Dialects: []string{Courier}}
	neighbour.Wait(t, time.Minute, "the log", func() bool {
		h := listen(t, c, courier.Log())
		return len(ended(h.use)) == 2 && h.own == 2
	})
	h := listen(t, c, courier.Log())
	equal(t, "ended", ended(h.use), []string{"IMAP anna " + phone, "IMAP bob 127.0.0.1"})
	if len(h.use) != 4 {
		t.Errorf("%d observations", len(h.use))
	}
	var last string // what remains of a session whose login was in a log that is gone
	for line := range strings.Lines(courier.Log()) {
		if strings.Contains(line, "DISCONNECTED, user=anna") {
			last = line
		}
	}
	equal(t, "the end alone", ended(listen(t, c, last).use), []string{"IMAP anna " + phone})
}

// A real Postfix takes mail from outside and from the house, refuses some, takes root's by the sendmail command, which is none, and puts mail into mailboxes.
func TestPostfix(t *testing.T) {
	boxes := openFolder(t)
	postfix := neighbour.StartPostfix(t, neighbour.PostfixConfig{
		Name: "mx", NextHop: "discard:", Refuse: []string{"gone@example.com"},
		Settings: "transport_maps =\nvirtual_mailbox_domains = example.com\nvirtual_mailbox_maps = static:box\nvirtual_mailbox_base = " + boxes + "\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\nvirtual_minimum_uid = 1\nvirtual_mailbox_limit = 0",
	})
	outside, house := neighbour.Address(), neighbour.Address()
	for _, m := range []struct {
		from, id, to string
		unfinished   bool
		taken        bool
	}{
		{outside, "in@other.example", "bob@example.com", false, true},
		{outside, "none@other.example", "gone@example.com", false, false},
		{outside, "cut@other.example", "bob@example.com", true, false},
		{house, "scan@example.com", "bob@example.com", false, true},
		{"127.0.0.25", "tee@example.com", "bob@example.com", false, true},
	} {
		got, err := testserver.Sender{LocalAddr: m.from, Unfinished: m.unfinished}.Send(t.Context(), postfix.SMTP, "carl@other.example", []string{m.to}, mailOf(m.id))
		if taken := err == nil && got.Final.OK(); taken != m.taken {
			t.Fatalf("%s: %+v, %v", m.id, got, err)
		}
	}
	send := exec.Command(neighbour.Require(t, "sendmail"), "-C", postfix.Dir, "-f", "root@example.com", "bob@example.com")
	send.Stdin = bytes.NewReader(mailOf("cron@example.com"))
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	neighbour.Wait(t, time.Minute, "all to be delivered", func() bool { return strings.Count(postfix.Log(), ": removed") == 4 })
	h := listen(t, Config{Dialects: []string{Postfix}, Local: []netip.Prefix{netip.MustParsePrefix(house + "/32")}}, postfix.Log())
	equal(t, "use", told(h.use), []string{"sending " + house + " <scan@example.com>", "sending " + outside + " <in@other.example>"})
	equal(t, "delivered", kept(h.delivered), []string{
		"bob@example.com <cron@example.com>", "bob@example.com <in@other.example>", "bob@example.com <scan@example.com>", "bob@example.com <tee@example.com>",
	})
	if h.own != 1 {
		t.Errorf("%d lines of our own", h.own)
	}
}

// A real Dovecot takes logins of users and ours, refuses a wrong password, and delivers; what Sieve discards is lost.
func TestDovecot(t *testing.T) {
	neighbour.Require(t, "sievec")
	rules := filepath.Join(openFolder(t), "rules.sieve")
	if err := os.WriteFile(rules, []byte(`if header :contains "message-id" "unwanted" { discard; }`), 0o644); err != nil {
		t.Fatal(err)
	}
	dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "old", Users: map[string]string{"anna": "secret", "bob": "secret"}, Settings: "protocol lmtp {\n  mail_plugins = sieve\n}\nplugin {\n  sieve = file:/none;active=/none\n  sieve_before = " + rules + "\n}",
	})
	phone := neighbour.Address()
	speakIMAP(t, phone, dovecot.IMAP, "LOGIN anna wrong")
	speakIMAP(t, phone, dovecot.IMAP, "LOGIN anna secret", "SELECT INBOX")
	speakIMAP(t, "127.0.0.25", dovecot.IMAP, "LOGIN anna secret", "SELECT INBOX", "LOGOUT")
	speakIMAP(t, "127.0.0.1", dovecot.IMAP, "LOGIN bob secret", "SELECT INBOX", "LOGOUT")
	for to, id := range map[string]string{"anna": "one@other.example", "bob": "unwanted@other.example", "nobody": "none@other.example"} {
		got, err := testserver.Sender{LMTP: true}.Send(t.Context(), dovecot.LMTP, "carl@other.example", []string{to}, mailOf(id))
		if err != nil || got.Rcpts[0].OK() != (to != "nobody") {
			t.Fatalf("%s: %+v, %v", to, got, err)
		}
	}
	c := Config{Dialects: []string{Dovecot}}
	neighbour.Wait(t, time.Minute, "the log", func() bool {
		h := listen(t, c, dovecot.Log())
		return len(ended(h.use)) == 2 && h.own == 2 && len(h.delivered) == 2
	})
	h := listen(t, c, dovecot.Log())
	equal(t, "ended", ended(h.use), []string{"IMAP anna " + phone, "IMAP bob 127.0.0.1"})
	equal(t, "delivered", kept(h.delivered), []string{"anna <one@other.example>", "bob <unwanted@other.example> discarded by Sieve"})
	if len(h.use) != 4 {
		t.Errorf("%d observations", len(h.use))
	}
}
