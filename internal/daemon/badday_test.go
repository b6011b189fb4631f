package daemon_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// badDay is something wrong with the cloud's SMTP, and the end that it has for Anna's and Bob's copy of one message.
type badDay struct {
	name   string
	script func(testserver.SMTPCall) *testserver.Reply // while the day is bad
	mx     testserver.SMTPConfig
	letter []byte // a small one if nil
	// meanwhile and end are the words for the queue on the bad day and after it: states with their number, what may be instead behind a bar; meanwhile "" when the day never gets better.
	meanwhile, end string
	anna, bob      int // copies in their mailboxes at the end
}

func at(stage testserver.Stage, r testserver.Reply) func(testserver.SMTPCall) *testserver.Reply {
	return func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == stage && (stage != testserver.AtRcpt || c.Arg == "anna@example.com") {
			return &r
		}
		return nil
	}
}

// queueWords are the states of a queue.
func queueWords(q control.Queue) string {
	var words []string
	for _, state := range []struct {
		n    int
		name string
	}{{q.Due + q.Sending, "due"}, {q.InDoubt, "in doubt"}, {q.Held, "held"}, {q.Quiet, "quiet"}, {q.Settled + q.Accepted, "settled"}} {
		if state.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", state.n, state.name))
		}
	}
	return strings.Join(words, ", ")
}

var large = bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 8000)

func badDays() []badDay {
	refuse := func(code int, text string) testserver.Reply { return testserver.Reply{Code: code, Text: text} }
	cut := testserver.Reply{Drop: true}
	stall := testserver.Reply{Stall: true}
	policy := "5.7.1 a rule does not allow it"
	days := []badDay{
		{name: "421 at the greeting", script: at(testserver.AtConnect, testserver.Reply{Code: 421, Text: "4.3.2 not now", Close: true}), meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "554 at the greeting", script: at(testserver.AtConnect, testserver.Reply{Code: 554, Text: "5.7.1 no", Close: true}), meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "refused as spam", script: at(testserver.AtBody, refuse(550, "5.7.1 rejected as spam")), end: "2 quiet"},
		{name: "refused with a virus", script: at(testserver.AtBody, refuse(550, "5.7.1 virus found")), end: "2 quiet"},
		{name: "refused for its attachment", script: at(testserver.AtBody, refuse(552, "5.7.0 content presents a potential security issue")), end: "2 held"},
		{name: "refused for DMARC", script: at(testserver.AtBody, refuse(550, "5.7.26 unauthenticated")), end: "2 held"},
		{name: "no connector", script: at(testserver.AtRcpt, refuse(550, "5.7.64 TenantAttribution; Relay Access Denied")), end: "2 settled", anna: 1, bob: 1},
		{name: "direct send refused", script: at(testserver.AtMail, refuse(550, "5.7.68 TenantInboundAttribution; Direct Send not allowed")), end: "2 settled", anna: 1, bob: 1},
		{name: "throttled for too long", script: at(testserver.AtMail, refuse(451, "4.7.500 Server busy. Try again in 2 hours")), end: "2 settled", anna: 1, bob: 1},
		{name: "nobody understands it", script: at(testserver.AtMail, refuse(554, "5.0.0 no")), meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "cut in the body", mx: without("PIPELINING"), script: at(testserver.AtChunk, cut), letter: large, meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "cut in the body, its end behind it", script: at(testserver.AtChunk, cut), letter: large, meanwhile: "2 due|2 in doubt|1 due, 1 in doubt", end: "2 settled", anna: 1, bob: 1},
		{name: "stalls in the body", script: at(testserver.AtChunk, stall), letter: large, meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "cut after the dot, lost", script: at(testserver.AtBody, cut), meanwhile: "2 in doubt|1 due, 1 in doubt|2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "cut after the dot, taken", script: at(testserver.AtBody, testserver.Reply{Accept: true, Drop: true}), end: "2 settled", anna: 1, bob: 1},
		{name: "stalls after the dot, taken", script: at(testserver.AtBody, testserver.Reply{Accept: true, Stall: true}), meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		{name: "no CHUNKING", mx: without("CHUNKING"), end: "2 settled", anna: 1, bob: 1},
		{name: "no CHUNKING, and a bare LF", mx: without("CHUNKING"), letter: []byte("one\ntwo\r\n"), end: "2 settled", anna: 1, bob: 1},
		{name: "no 8BITMIME", mx: without("8BITMIME", "SMTPUTF8", "BINARYMIME"), letter: []byte("gr\xc3\xbc\xc3\x9fe\r\n"), end: "2 settled", anna: 1, bob: 1},
		{name: "no SMTPUTF8", mx: without("SMTPUTF8"), end: "2 settled", anna: 1, bob: 1},
		{name: "only HELO", mx: without("EHLO"), end: "2 settled", anna: 1, bob: 1},
		{name: "only HELO, and 8-bit text", mx: without("EHLO"), letter: []byte("gr\xc3\xbc\xc3\x9fe\r\n"), end: "2 settled", anna: 1, bob: 1},
		{name: "too large for its SIZE", mx: testserver.SMTPConfig{MaxSize: 100 << 10}, letter: large, end: "2 settled", anna: 1, bob: 1},
	}
	for _, stage := range []testserver.Stage{testserver.AtMail, testserver.AtRcpt, testserver.AtData, testserver.AtBody} {
		end, n := "2 held", 0
		soon := "2 due"
		mx := testserver.SMTPConfig{}
		switch stage {
		case testserver.AtRcpt:
			end, n, soon = "1 held, 1 settled", 1, "1 due, 1 settled"
		case testserver.AtData:
			mx = without("CHUNKING")
		}
		days = append(days,
			badDay{name: "550 at " + string(stage), mx: mx, script: at(stage, refuse(550, policy)), end: end, bob: n},
			badDay{name: "451 at " + string(stage), mx: mx, script: at(stage, refuse(451, "4.3.0 later")), meanwhile: soon, end: "2 settled", anna: 1, bob: 1},
			badDay{name: "421 at " + string(stage), mx: mx, script: at(stage, testserver.Reply{Code: 421, Text: "4.3.2 closing", Close: true}), meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		)
	}
	for _, stage := range []testserver.Stage{testserver.AtConnect, testserver.AtHelo, testserver.AtMail, testserver.AtRcpt, testserver.AtData} {
		mx := testserver.SMTPConfig{}
		soon := "2 due"
		switch stage {
		case testserver.AtData:
			mx = without("CHUNKING")
		case testserver.AtMail, testserver.AtRcpt:
			soon = "2 due|2 in doubt|1 due, 1 in doubt" // the message is behind the command already, or not
		}
		days = append(days,
			badDay{name: "cut at " + string(stage), mx: mx, script: at(stage, cut), meanwhile: soon, end: "2 settled", anna: 1, bob: 1},
			badDay{name: "stalls at " + string(stage), mx: mx, script: at(stage, stall), meanwhile: "2 due", end: "2 settled", anna: 1, bob: 1},
		)
	}
	return days
}

func without(extensions ...string) testserver.SMTPConfig {
	return testserver.SMTPConfig{Without: extensions}
}

// TestBadDays: whatever is wrong with the cloud's SMTP, each of a message's recipients comes to an end that can be told beforehand, and nobody has it twice.
func TestBadDays(t *testing.T) {
	for _, day := range badDays() {
		t.Run(day.name, func(t *testing.T) { t.Parallel(); day.pass(t) })
	}
}

func (day badDay) pass(t *testing.T) {
	var over, struck atomic.Bool
	day.mx.Script = func(c testserver.SMTPCall) *testserver.Reply {
		if day.script == nil || over.Load() {
			return nil
		}
		r := day.script(c)
		if r != nil {
			struck.Store(true)
		}
		return r
	}
	b := newBed(t, layout{mx: day.mx})
	b.daemon = b.new()
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(func() { // other days go on: not all goroutines end
		if err := b.daemon.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	msg := append([]byte("From: x@sender.example\r\nMessage-ID: <day@sender.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n"), or(string(day.letter), "hello\r\n")...)
	r, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com", "bob@example.com"}, msg)
	if err != nil || !r.Final.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	if day.meanwhile != "" {
		b.until(day.meanwhile+" on the bad day", func(s control.Status) bool {
			return struck.Load() && slices.Contains(strings.Split(day.meanwhile, "|"), queueWords(s.Queue))
		})
		over.Store(true)
		if strings.Contains(day.name, "stalls") { // it would take minutes until we give up
			b.mx.Stop()
			must(t, b.mx.Start())
		}
	}
	s := b.until(day.end, func(s control.Status) bool { return queueWords(s.Queue) == day.end && s.Queue.Accepted == 0 })
	for address, want := range map[string]int{"anna@example.com": day.anna, "bob@example.com": day.bob} {
		if found := b.holding(b.cloud, address, msg); len(found) != want {
			t.Errorf("%s has it at %v, want it %d times", address, found, want)
		}
	}
	for _, w := range s.Queue.Waiting {
		if w.Class == "" || w.Remedy == "" || w.Why == "" {
			t.Errorf("nobody is told what to do: %+v", w)
		}
	}
	if day.script != nil && !struck.Load() {
		t.Error("the day was not bad")
	}
	if b.mx.Violations() != 0 {
		t.Errorf("%d breaches of the protocol", b.mx.Violations())
	}
}

// A week of 4xx: after relay.hold_after the mail is held, an alarm, and not bounced; released, it arrives.
func TestAWeekOf4xx(t *testing.T) {
	b := newBed(t, layout{mx: refusing(testserver.AtMail, 451, "4.3.0 later")})
	clock := b.startSettable(t)
	b.send("hello", "x@sender.example", "anna@example.com")
	for day := range 5 {
		b.until("an attempt", func(s control.Status) bool {
			return s.Queue.Due+s.Queue.Sending == 1 && s.Queue.Waiting[0].Attempts > day
		})
		clock.Set(24 * time.Hour)
	}
	s := b.until("it to be held", func(s control.Status) bool { return queueWords(s.Queue) == "1 held" })
	if w := s.Queue.Waiting[0]; !strings.Contains(w.Why, "4.3.0 later") || w.Notice == "" || len(s.Trouble) == 0 {
		t.Errorf("%+v, %q", w, s.Trouble)
	}
	if n := b.mx.Accepted() + b.old.Accepted(); n != 0 {
		t.Errorf("%d messages left us", n)
	}
}

// The login that the cloud's SMTP wants is revoked: mail waits and says why. Once it is restored everything arrives.
func TestLoginRevokedAndRestored(t *testing.T) {
	var revoked atomic.Bool
	revoked.Store(true)
	mx := testserver.SMTPConfig{Users: map[string]string{"posthouse": "smtp secret"}, RequireAuth: true, Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtAuth && revoked.Load() {
			return testserver.Refuse(535, "5.7.3 Authentication unsuccessful")
		}
		return nil
	}}
	b := newBed(t, layout{mx: mx})
	b.startWithCloud(t, func(c *config.Server) {
		c.SMTPAuth, c.SMTPLogin, c.SMTPPassword = "plain", "posthouse", config.LiteralSecret("smtp secret")
	})
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if w := s.Queue.Waiting[0]; w.Class != "login" || !strings.Contains(w.Why, "Authentication unsuccessful") || strings.Contains(w.Why, "secret") {
		t.Errorf("%+v", w)
	}
	revoked.Store(false)
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}

// A server whose name is not found is one that cannot be reached; the mail leaves with the next life that finds it.
func TestNameNotFound(t *testing.T) {
	b := newBed(t, layout{})
	b.startWithCloud(t, func(c *config.Server) { c.SMTP = "mx..example.com:25" })
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if w := s.Queue.Waiting[0]; w.State != "due" || !strings.Contains(w.Why, "no such host") {
		t.Errorf("%+v", w)
	}
	b.stop()
	b.start()
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}

// startWithCloud starts the daemon with another cloud in its configuration.
func (b *bed) startWithCloud(t *testing.T, change func(*config.Server)) {
	t.Helper()
	cfg := b.config()
	cloud := cfg.Servers["cloud"]
	change(&cloud)
	cfg.Servers["cloud"] = cloud
	b.daemon = b.newWith(cfg)
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(b.stop)
}

// A certificate with another's name gets no mail, and the status says why; with the right one everything arrives.
func TestWrongNameOnTheCertificate(t *testing.T) {
	ca, err := testserver.NewCA()
	must(t, err)
	right, err := ca.Leaf("127.0.0.1")
	must(t, err)
	wrong, err := ca.Leaf("mx.elsewhere.example")
	must(t, err)
	var mended atomic.Bool
	b := newBed(t, layout{mx: testserver.SMTPConfig{TLS: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if mended.Load() {
			return &right, nil
		}
		return &wrong, nil
	}}}})
	file := filepath.Join(b.dir, "ca.pem")
	must(t, os.WriteFile(file, ca.PEM(), 0o600))
	b.startWithCloud(t, func(c *config.Server) { c.SMTPTLS, c.CAFile = config.TLSStartTLS, file })
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if w := s.Queue.Waiting[0]; w.State != "due" || !strings.Contains(w.Why, "certificate") || b.mx.Accepted() != 0 {
		t.Errorf("%+v", w)
	}
	mended.Store(true)
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}
