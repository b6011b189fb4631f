package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"posthouse/internal/testserver"
)

const srsTable = "[relay.srs]\ndomain = \"srs.example.com\"\nsecret = \"file:srs\"\n"

// srsBed has the secrets that its configuration names.
func srsBed(t *testing.T, l layout) *bed {
	t.Helper()
	if l.rest == "" {
		l.rest = srsTable
	}
	if l.to == "" {
		l.to = "to = [\"home:smtp\"]\nsrs = true"
	}
	l.mx.Deliver = func(*testserver.Envelope) error { return nil } // it takes mail for anybody
	b := newBed(t, l)
	must(t, os.WriteFile(filepath.Join(b.dir, "srs"), []byte("a new secret\nan old one\n"), 0o600))
	return b
}

// sendFrom sends a message and returns the sender and the recipients with which the server got it.
func (b *bed) sendFrom(server *testserver.SMTP, from string, to ...string) (string, []string) {
	b.t.Helper()
	subject := fmt.Sprintf("number %d", len(server.Received()))
	before := len(server.Received())
	b.send(subject, from, to...)
	b.eventually("the server to take "+subject, func() bool { return len(server.Received()) > before })
	got := server.Received()[before]
	return got.From, got.Recipients()
}

// Senders of others are rewritten on the way to the cloud; our own, and no sender at all, are not. A bounce finds its way back.
func TestSRSThereAndBack(t *testing.T) {
	b := srsBed(t, layout{})
	b.start()
	for _, from := range []string{"anna@example.com", "", "anybody@srs.example.com"} {
		if got, _ := b.sendFrom(b.mx, from, "bob@example.com"); got != from {
			t.Errorf("%q became %q", from, got)
		}
	}
	rewritten, _ := b.sendFrom(b.mx, "Alice@partner.example", "bob@example.com")
	if !strings.HasPrefix(rewritten, "SRS0=") || !strings.HasSuffix(rewritten, "=partner.example=Alice@srs.example.com") {
		t.Fatalf("the cloud got %q", rewritten)
	}
	if from, to := b.sendFrom(b.mx, "", rewritten); from != "" || !slices.Equal(to, []string{"Alice@partner.example"}) {
		t.Errorf("the bounce went from %q to %v", from, to)
	}
	// A vacation reply, say, has a sender, who is foreign on the way out.
	if from, to := b.sendFrom(b.mx, "vacation@other.example", strings.ToLower(rewritten)); !strings.HasPrefix(from, "SRS0=") || !slices.Equal(to, []string{"alice@partner.example"}) {
		t.Errorf("the answer went from %q to %v", from, to)
	}
	twice, _ := b.sendFrom(b.mx, "SRS0=abcd=TT=origin.example=carol@forwarder.example", "bob@example.com")
	if _, to := b.sendFrom(b.mx, "", twice); !strings.HasPrefix(twice, "SRS1=") || !slices.Equal(to, []string{"SRS0=abcd=TT=origin.example=carol@forwarder.example"}) {
		t.Errorf("%s led to %v", twice, to)
	}
	if !strings.Contains(b.logged.String(), "from=Alice@partner.example") {
		t.Error("the log does not know the sender as he came")
	}
}

// Nobody relays by an address that he made up, and while SRS is not configured by none at all.
func TestSRSIsNoOpenRelay(t *testing.T) {
	b := srsBed(t, layout{})
	b.start()
	made, _ := b.sendFrom(b.mx, "alice@partner.example", "bob@example.com")
	for _, to := range []string{
		strings.Replace(made, "alice", "victim", 1), strings.Replace(made, "partner.example", "victim.example", 1), "SRS0=aaaaaaaa=AA=victim.example=victim@srs.example.com",
		"SRS1=aaaaaaaa=victim.example==aaaa=AA=victim.example=victim@srs.example.com", "victim@srs.example.com", strings.Replace(made, "srs.example.com", "victim.example", 1),
		`"victim@victim.example"@srs.example.com`,
	} {
		r, err := b.sender.Send(t.Context(), b.listener(), "", []string{to}, []byte("Subject: x\r\n\r\n"))
		if err != nil || len(r.Rcpts) != 1 || r.Rcpts[0].Code != 550 {
			t.Errorf("%s: %v, %v", to, r.Rcpts, err)
		}
	}
	if n := len(b.mx.Received()); n != 1 {
		t.Errorf("the cloud took %d messages", n)
	}
}

// Where a connector vouches for us, where the route does not say so, and to the old server, senders go as they are.
func TestSRSIsOff(t *testing.T) {
	both := "anna@example.com,,person,legacy\nbob@example.com,,person,cloud\n"
	for _, c := range []struct {
		what string
		l    layout
		to   string
	}{
		{"connector", layout{servers: "connector = true"}, "bob@example.com"},
		{"route", layout{to: `to = ["home:smtp"]`}, "bob@example.com"},
		{"legacy", layout{mailboxes: both}, "anna@example.com"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := srsBed(t, c.l)
			b.start()
			server := b.mx
			if c.what == "legacy" {
				server = b.old
			}
			if from, _ := b.sendFrom(server, "alice@partner.example", c.to); from != "alice@partner.example" {
				t.Errorf("the sender became %q", from)
			}
		})
	}
}

// A sender that SRS cannot carry goes as without it.
func TestSRSLeavesWhatItCannotCarry(t *testing.T) {
	b := srsBed(t, layout{})
	b.start()
	long := strings.Repeat("x", 60) + "@" + strings.Repeat("long-name.", 18) + "example"
	if from, _ := b.sendFrom(b.mx, long, "bob@example.com"); from != long {
		t.Errorf("the sender became %q", from)
	}
	if !strings.Contains(b.logged.String(), "sender not rewritten") {
		t.Error("the log does not say so")
	}
	for _, sender := range []string{`"alice b"@partner.example`, strings.Repeat("x", 64) + "@" + strings.Repeat("long-name.", 9) + "example"} {
		made, _ := b.sendFrom(b.mx, sender, "bob@example.com")
		if _, to := b.sendFrom(b.mx, "", made); !slices.Equal(to, []string{sender}) || made == sender {
			t.Errorf("%s led to %v", made, to)
		}
	}
}
