package neighbour_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// What is sent to a Postfix arrives in a Dovecot; what is appended is read back octet for octet; and a Dovecot that was down has lost nothing.
func TestNeighbours(t *testing.T) {
	dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "imap", Users: map[string]string{"anna": "secret"}, Special: map[string]string{"Gesendet": `\Sent`}, Create: []string{"Gesendet"},
	})
	postfix := neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "mx", NextHop: "lmtp:inet:" + dovecot.LMTP, Refuse: []string{"gone@example.com"}})

	raw := []byte("Message-ID: <1@example.com>\r\nSubject: one\r\n\r\n.\r\nbody\r\n")
	when := time.Date(2019, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	anna := neighbour.OpenMailbox(t, dovecot.IMAP, "anna", "secret", nil)
	anna.Append("Gesendet", neighbour.Upload{Bytes: raw, Flags: []string{`\Seen`, "$Work"}, Date: when})
	m := anna.Read("Gesendet")[0]
	if m.Whole != sha256.Sum256(raw) || m.Flags != `$Work \Seen` || !m.Date.Equal(when) || m.Field("subject") != "one" {
		t.Errorf("read back %+v", m)
	}

	result, err := testserver.Sender{}.Send(t.Context(), postfix.SMTP, "carl@other.example", []string{"anna@example.com", "gone@example.com"}, raw)
	if err != nil || !result.Final.OK() || result.Rcpts[1].Code != 550 {
		t.Fatalf("sent: %+v, %v", result, err)
	}
	neighbour.Wait(t, time.Minute, "the message in INBOX", func() bool { return anna.Count("INBOX") == 1 })
	anna.Close()

	dovecot.Stop()
	dovecot.Start()
	anna = neighbour.OpenMailbox(t, dovecot.IMAP, "anna", "secret", nil)
	all := anna.ReadAll()
	if got := all["INBOX"]; len(got) != 1 || got[0].Body != m.Body || !strings.Contains(got[0].Header, "mx.example") {
		t.Errorf("INBOX holds %+v", got)
	}
	for _, f := range anna.Folders() {
		if f.Name == "Gesendet" && f.Use != `\Sent` {
			t.Errorf("use of %s is %q", f.Name, f.Use)
		}
	}
}

// What is appended to a Cyrus and to a Courier is read back octet for octet, in folders and with flags, also after they were down.
func TestUnpackedNeighbours(t *testing.T) {
	users := map[string]string{"anna": `se"c ret`}
	cyrus := neighbour.StartCyrus(t, neighbour.CyrusConfig{Name: "cyrus", Users: users, Special: map[string]string{"Sent": "sent"}})
	courier := neighbour.StartCourier(t, neighbour.CourierConfig{Name: "courier", Users: users})
	for _, server := range []struct {
		name, addr  string
		stop, start func()
	}{{"Cyrus", cyrus.IMAP, cyrus.Stop, cyrus.Start}, {"Courier", courier.IMAP, courier.Stop, courier.Start}} {
		raw := []byte("Message-ID: <1@example.com>\r\nSubject: one\r\n\r\n.\r\nbody\r\n")
		when := time.Date(2019, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
		anna := neighbour.OpenMailbox(t, server.addr, "anna", users["anna"], nil)
		anna.Create("INBOX.Work")
		anna.Append("INBOX.Work", neighbour.Upload{Bytes: raw, Flags: []string{`\Seen`}, Date: when}, neighbour.Upload{Bytes: raw, Date: when})
		anna.Move("INBOX.Work", "2", "INBOX")
		anna.Close()
		server.stop()
		server.start()
		anna = neighbour.OpenMailbox(t, server.addr, "anna", users["anna"], nil)
		all := anna.ReadAll()
		if len(all["INBOX"]) != 1 || len(all["INBOX.Work"]) != 1 || anna.Count("INBOX") != 1 {
			t.Fatalf("%s: read back %+v", server.name, all)
		}
		if m := all["INBOX.Work"][0]; m.Whole != sha256.Sum256(raw) || m.Flags != `\Seen` || !m.Date.Equal(when) {
			t.Errorf("%s: read back %+v", server.name, m)
		}
		anna.Close()
	}
}

// What is sent to an Exim arrives in a Dovecot, also after Exim was down.
func TestExim(t *testing.T) {
	dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "imap", Users: map[string]string{"anna": "secret"}})
	exim := neighbour.StartExim(t, neighbour.EximConfig{Name: "mx", Next: dovecot.LMTP, Refuse: []string{"gone@example.com"}})
	raw := []byte("Message-ID: <1@example.com>\r\nSubject: one\r\n\r\n.\r\nbody\r\n")
	send := func() {
		t.Helper()
		result, err := testserver.Sender{}.Send(t.Context(), exim.SMTP, "carl@other.example", []string{"anna@example.com", "gone@example.com"}, raw)
		if err != nil || !result.Final.OK() || result.Rcpts[1].Code != 550 {
			t.Fatalf("sent: %+v, %v", result, err)
		}
	}
	send()
	anna := neighbour.OpenMailbox(t, dovecot.IMAP, "anna", "secret", nil)
	neighbour.Wait(t, time.Minute, "the message in INBOX", func() bool { return anna.Count("INBOX") == 1 })
	exim.Stop()
	exim.Start()
	send()
	neighbour.Wait(t, time.Minute, "the second", func() bool { return anna.Count("INBOX") == 2 })
	if got := anna.Read("INBOX"); !strings.Contains(got[0].Header, "mx.example") || got[0].Body != sha256.Sum256([]byte(".\r\nbody\r\n")) || !exim.Said("anna@example.com R=all T=next") {
		t.Errorf("INBOX holds %+v", got)
	}
}
