package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// office is a small cutover with embedded servers, whose bad days can be made: two mailboxes at home in the cloud.
type office struct {
	t             testing.TB
	legacy, cloud *testserver.IMAP
	mx            *testserver.SMTP // the cloud's: it delivers into cloud
	listener      string
	daemon        *daemon
}

var staff = []string{"anna@example.com", "bob@example.com"}

// newOffice starts the servers, not the daemon, whose folder is dir. more are further lines for [relay] and tables after it; script may be nil.
func newOffice(t testing.TB, dir, more string, script func(testserver.SMTPCall) *testserver.Reply) *office {
	t.Helper()
	o := &office{
		t: t, legacy: testserver.NewIMAP(testserver.IMAPConfig{Addr: neighbour.Address() + ":0"}), cloud: testserver.NewIMAP(testserver.IMAPConfig{Addr: neighbour.Address() + ":0"}),
		listener: neighbour.Address() + ":2525",
	}
	// On an address of their own nobody's outgoing connection takes the port of one that was stopped.
	o.mx = testserver.NewSMTP(testserver.SMTPConfig{Addr: neighbour.Address() + ":0", Deliver: o.cloud.DeliverEnvelope, Script: script})
	serve(t, o.legacy, o.cloud, o.mx)
	csv := "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password,home\n"
	for _, address := range staff {
		o.legacy.AddUser(address, "old")
		o.cloud.AddUser(address, "new")
		csv += fmt.Sprintf("%s,legacy,%s,old,cloud,%s,new,cloud\n", address, address, address)
	}
	o.daemon = newDaemon(t, dir, settings{
		oldIMAP: o.legacy.Addr(), cloudIMAP: o.cloud.Addr(), cloudSMTP: o.mx.Addr(), listener: o.listener,
		relay: "retry = [\"1s\", \"2s\", \"3s\"]\nsettle_time = \"2s\"\n" + more,
	}.toml(), map[string]string{"mailboxes.csv": csv})
	return o
}

// letter is a numbered message of about size octets.
func letter(number string, size int) []byte {
	line := strings.Repeat("x", 70) + "\r\n"
	return fmt.Appendf(nil, "%s: %s\r\nMessage-ID: <%s@office>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: a@other.example\r\nSubject: %s\r\n\r\n%s",
		testField, number, number, number, strings.Repeat(line, 1+size/len(line)))
}

// send gives the listener a letter and returns its final answer.
func (o *office) send(number string, size int, to ...string) testserver.Answer {
	o.t.Helper()
	answer, err := o.try(number, size, to...)
	if err != nil {
		o.t.Fatalf("sending letter %s: %v", number, err)
	}
	return answer
}

// try is send to a listener that may be gone.
func (o *office) try(number string, size int, to ...string) (testserver.Answer, error) {
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	r, err := testserver.Sender{}.Send(ctx, o.listener, "a@other.example", to, letter(number, size))
	return r.Final, err
}

// must is send for what has to be accepted.
func (o *office) must(number string, to ...string) {
	o.t.Helper()
	if answer := o.send(number, 0, to...); answer.Code != 250 {
		o.t.Fatalf("letter %s: %s", number, answer)
	}
}

// received counts the numbered letters in a cloud mailbox.
func (o *office) received(address string) map[string]int {
	o.t.Helper()
	folders, err := o.cloud.Dump(address)
	if err != nil {
		o.t.Fatal(err)
	}
	found := map[string]int{}
	for _, f := range folders {
		for _, m := range f.Messages {
			raw, err := o.cloud.Bytes(address, f.Path, m.UID)
			if err != nil {
				o.t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(raw), testField+": ")
			number, _, _ := strings.Cut(rest, "\r\n")
			found[number]++
		}
	}
	return found
}

// wantReceived waits for letters and demands each once, and no others.
func (o *office) wantReceived(address string, numbers ...string) {
	o.t.Helper()
	neighbour.Wait(o.t, patience, fmt.Sprintf("%d letters for %s", len(numbers), address), func() bool {
		return len(o.received(address)) >= len(numbers)
	})
	found := o.received(address)
	for _, n := range numbers {
		if found[n] != 1 {
			o.t.Errorf("letter %s for %s arrived %d times", n, address, found[n])
		}
		delete(found, n)
	}
	if len(found) > 0 {
		o.t.Errorf("%s got what was not accepted: %v", address, found)
	}
}

// settled waits until nothing is open but what is held.
func (o *office) settled() {
	o.t.Helper()
	o.daemon.until("everything to be settled", settledSince(time.Time{}))
}
