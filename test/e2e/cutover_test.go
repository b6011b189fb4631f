package e2e

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

const (
	messages = 5000     // on the old server
	heavy    = 30 << 20 // octets of the heaviest message
)

// TestCutover is the whole promise: thousands of messages are copied while mail goes on arriving by every way, the daemon is killed again and again, and in the end both
// sides hold the same, once.
func TestCutover(t *testing.T) {
	seed := seed(t)
	w := newWorld(t, layout{to: "home:smtp"})
	folders := 0
	for i, p := range people[:3] {
		folders += w.fill(seed+uint64(i), p, (messages+i)/3) // together messages
	}
	t.Logf("%d messages lie in %d folders", messages, folders)
	w.append(who("anna"), letter("heavy", heavy))

	mail := newTraffic(w, seed)
	if copying := w.killAgainAndAgain(20, messages, mail, rand.New(rand.NewPCG(seed, 1))); copying == 0 {
		t.Error("no kill came while messages were being copied")
	}
	began := time.Now()
	w.daemon.start()
	mail.arrived()
	w.quiet(t, began)

	t.Run("what happens on the old server is followed within seconds", w.follows)
	t.Run("every address leads to its mailboxes once", w.addresses)
	t.Run("three recipients of which one is refused", w.threeRecipients)
	t.Run("a message heavier than memory should be", w.heavyMessage)
	w.quiet(t, began)
	w.verified(t)
	w.daemon.stop()
	for _, p := range people[:3] {
		w.wantEqual(p)
	}
	t.Run("a second run changes nothing", w.secondRun)
	t.Logf("peak memory %d MiB", w.daemon.peak>>20)
}

// seed is printed, and can be given again.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := uint64(time.Now().UnixNano()) % 1_000_000
	if given, err := strconv.ParseUint(os.Getenv("POSTHOUSE_SEED"), 10, 64); err == nil {
		s = given
	}
	t.Logf("POSTHOUSE_SEED=%d", s)
	return s
}

// killAgainAndAgain ends the daemon at random moments, while it copies and while mail is sent. It returns how many kills came while fewer than all messages were
// copied.
func (w *world) killAgainAndAgain(kills, all int, mail *traffic, random *rand.Rand) (copying int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- mail.run(ctx) }()
	copied := 0
	for i := range kills {
		life := time.Duration(150+random.IntN(1000)) * time.Millisecond
		if i >= kills/2 {
			life = time.Duration(300+random.IntN(3000)) * time.Millisecond // long enough to settle doubts, sometimes
		}
		w.daemon.launch()
		<-time.After(life)
		if s, err := w.daemon.client.Status(ctx); err == nil { // it may not even have begun
			copied = max(copied, s.Copy.Messages)
		}
		w.daemon.kill()
		w.t.Logf("kill %d after %s, with %d messages copied", i+1, life, copied)
		if copied < all {
			copying++
		}
	}
	cancel()
	if err := <-sent; err != nil {
		w.t.Fatalf("sending: %v", err)
	}
	return copying
}

// follows delivers to and sends from the old server and gives the daemon five seconds for each.
func (w *world) follows(t *testing.T) {
	const most = 5 * time.Second
	anna := who("anna")
	legacy, cloud := w.open(w.legacy, anna), w.open(w.cloud, anna)
	defer legacy.Close()
	defer cloud.Close()
	mail := newTraffic(w, 7)
	mail.next = 3000
	for range 3 {
		before := legacy.Count("INBOX")
		there := cloud.Count("INBOX")
		mail.must(w.old.SMTP, []string{anna.address()})
		neighbour.Wait(t, patience, "the old server to deliver", func() bool { return legacy.Count("INBOX") == before+1 })
		neighbour.Wait(t, most, "received mail in the cloud", func() bool { return cloud.Count("INBOX") == there+1 })

		sent := cloud.Count("Sent")
		legacy.Append("Gesendet", neighbour.Upload{Bytes: mail.g.Next().Bytes, Flags: []string{`\Seen`}, Date: time.Now()})
		neighbour.Wait(t, most, "sent mail in the cloud", func() bool { return cloud.Count("Sent") == sent+1 })
	}
}

// addresses sends by an alias, a group, a plus address, and several of them at once.
func (w *world) addresses(t *testing.T) {
	mail := newTraffic(w, 11)
	mail.next = 1000
	for _, way := range []struct {
		to   []string
		with []string
	}{
		{[]string{"a.smith@example.com"}, []string{"anna"}},
		{[]string{"team@example.com"}, []string{"anna", "bob"}},
		{[]string{"bob+news@example.com"}, []string{"bob"}},
		{[]string{"team@example.com", "anna+x@example.com", "A.Smith@Example.COM", "carl@example.com"}, []string{"anna", "bob", "carl"}},
	} {
		mail.must(w.sender.SMTP, way.to, way.with...)
	}
	mail.arrived()
}

// threeRecipients: the listener refuses one of three; of another three the cloud refuses one, whose copy is held.
func (w *world) threeRecipients(t *testing.T) {
	mail := newTraffic(w, 13)
	mail.next = 2000
	number, r, err := mail.send(t.Context(), w.listener, []string{"anna@example.com", "nobody@example.com", "carl@example.com"}, "anna", "carl")
	if err != nil || len(r.Rcpts) != 3 || r.Rcpts[0].Code != 250 || r.Rcpts[1].Code != 550 || r.Rcpts[2].Code != 250 {
		t.Errorf("message %s to three of whom nobody knows one: %+v, %v", number, r, err)
	}
	mail.must(w.sender.SMTP, []string{"anna@example.com", "dora@example.com", "bob@example.com"}, "anna", "bob")
	mail.arrived()
	s := w.daemon.until("one delivery to be held", func(s control.Status) bool { return s.Queue.Held == 1 })
	if got := s.Queue.Waiting; len(got) != 1 || got[0].To != "dora@example.com" || got[0].State != "held" {
		t.Errorf("what waits: %+v", got)
	}
}

// heavyMessage goes all the way; what it costs in memory is seen when the daemon ends.
func (w *world) heavyMessage(t *testing.T) {
	r, err := testserver.Sender{Timeout: patience}.Send(t.Context(), w.listener, "a@other.example", []string{"bob@example.com"}, letter("4000", heavy))
	if err != nil || r.Final.Code != 250 {
		t.Fatalf("sending: %s, %v", r.Final, err)
	}
	w.inCloud("bob", []string{"4000"})
}

// verified has a person ask whether both sides are equal.
func (w *world) verified(t *testing.T) {
	t.Helper()
	if out, talk, code := w.daemon.command("verify", "--json"); code != 0 {
		t.Errorf("verify ended with %d:\n%s%s", code, out, talk)
	}
}

// secondRun lets the daemon look at everything again; not even a UID may change.
func (w *world) secondRun(t *testing.T) {
	before := w.places()
	began := time.Now()
	w.daemon.start()
	w.quiet(t, began)
	w.verified(t)
	w.daemon.stop()
	if after := w.places(); !maps.Equal(before, after) {
		t.Errorf("%d messages before, %d after", len(before), len(after))
		for place, what := range after {
			if before[place] != what {
				t.Errorf("%+v was %+v, is %+v", place, before[place], what)
			}
		}
	}
}

// place is where a message lies.
type place struct {
	server, person, folder, uid string
}

// places lists every message of both sides.
func (w *world) places() map[place]copied {
	w.t.Helper()
	all := map[place]copied{}
	for name, server := range map[string]*neighbour.Dovecot{"legacy": w.legacy, "cloud": w.cloud} {
		for _, p := range people {
			m := w.open(server, p)
			for folder, messages := range m.ReadAll() {
				for _, message := range messages {
					all[place{name, p.name, folder, message.UID}] = copyOf(message)
				}
			}
			m.Close()
		}
	}
	return all
}
