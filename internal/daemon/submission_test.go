package daemon_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"posthouse/internal/testserver"
)

// submitBed is a bed whose users log in at 587 and 465 and are checked by the old server. What is sent outside is taken by both sides' SMTP servers.
type submitBed struct {
	*bed
	ca  *testserver.CA
	pem string // of the authority
}

const submitters = `
[listeners.submission]
role = "submission"
address = "127.0.0.1:0"
tls_cert = "chain.pem"
tls_key = "key.pem"
[listeners.submissions]
role = "submission"
address = "127.0.0.1:0"
tls = "implicit"
tls_cert = "chain.pem"
tls_key = "key.pem"
`

func newSubmitBed(t *testing.T, l layout) *submitBed {
	t.Helper()
	ca, err := testserver.NewCA()
	must(t, err)
	leaf, err := ca.Leaf("127.0.0.1", "localhost")
	must(t, err)
	chain, key, err := testserver.KeyPEM(leaf)
	must(t, err)
	s := &submitBed{ca: ca}
	outside := func(into func() *testserver.IMAP) func(*testserver.Envelope) error {
		return func(e *testserver.Envelope) error {
			inside := *e
			inside.Rcpts = slices.DeleteFunc(slices.Clone(e.Rcpts), func(r testserver.Rcpt) bool { return !strings.HasSuffix(r.To, "@example.com") })
			if len(inside.Rcpts) == 0 {
				return nil
			}
			return into().DeliverEnvelope(&inside)
		}
	}
	if l.mx.Deliver == nil {
		l.mx.Deliver = outside(func() *testserver.IMAP { return s.cloud })
	}
	l.old.Deliver = outside(func() *testserver.IMAP { return s.legacy })
	l.rest = submitters + l.rest
	s.bed = newBed(t, l)
	s.pem = filepath.Join(s.dir, "ca.pem")
	for name, data := range map[string][]byte{"chain.pem": chain, "key.pem": key, "ca.pem": ca.PEM()} {
		must(t, os.WriteFile(filepath.Join(s.dir, name), data, 0o600))
	}
	return s
}

func (s *submitBed) at(listener string) string { return s.daemon.Addrs(listener)[0].String() }

// submit sends as a user who logs in, by 587 or 465.
func (s *submitBed) submit(listener, user, password, from string, to []string, msg []byte) testserver.Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	sender := testserver.Sender{LocalAddr: "127.0.0.3", TLS: s.ca.Client(""), Implicit: listener == "submissions", User: user, Password: password}
	r, err := sender.Send(ctx, s.at(listener), from, to, msg)
	if err != nil {
		s.t.Fatalf("submitting: %+v, %v", r, err)
	}
	return r
}

// Users log in with the old server's password and send: as themselves by the cloud, as others by the old server. Nothing of the password stays.
func TestSubmission(t *testing.T) {
	s := newSubmitBed(t, layout{})
	s.start()
	const secret, wrong = "old secret", "wrong secret"
	for _, listener := range []string{"submission", "submissions"} {
		for _, refused := range [][2]string{{"anna@example.com", wrong}, {"nobody@example.com", secret}} {
			if r := s.submit(listener, refused[0], refused[1], "anna@example.com", []string{"x@outside.example"}, []byte("x\r\n")); r.Final.Code != 535 || !strings.HasPrefix(r.Final.Text, "5.7.8") {
				t.Errorf("%s by %s: %+v", refused, listener, r)
			}
		}
		msg := message("out by "+listener, "anna@example.com", "x@outside.example")
		if r := s.submit(listener, "anna@example.com", secret, "anna@example.com", []string{"x@outside.example", "bob@example.com"}, msg); !r.Final.OK() {
			t.Fatalf("%s: %+v", listener, r)
		}
		other := message("as bob by "+listener, "bob@example.com", "x@outside.example")
		if r := s.submit(listener, "anna@example.com", secret, "bob@example.com", []string{"x@outside.example"}, other); !r.Final.OK() {
			t.Fatalf("%s: %+v", listener, r)
		}
	}
	s.until("all to go", settled(6))
	for server, want := range map[*testserver.SMTP]string{s.mx: "anna@example.com", s.old: "bob@example.com"} {
		for _, e := range server.Received() {
			if e.From != want || !strings.Contains(string(e.Data), "with ESMTPSA") || strings.Contains(string(e.Data), "127.0.0.3") {
				t.Errorf("it came from %s:\n%s", e.From, e.Data)
			}
		}
	}
	if cloud, old := s.mx.Accepted(), s.old.Accepted(); old != 2 || cloud < 2 {
		t.Errorf("the cloud took %d, the old server %d", cloud, old)
	}
	if logged := s.logged.String(); strings.Contains(logged, secret) || strings.Contains(logged, wrong) || !strings.Contains(logged, "login refused") {
		t.Error("the log tells a password, or not that one was wrong")
	}
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "mailboxes.csv" {
			return err
		}
		if data, err := os.ReadFile(path); err == nil && (strings.Contains(string(data), secret) || strings.Contains(string(data), wrong)) {
			t.Errorf("%s holds a password", path)
		}
		return nil
	})
	must(t, err)
}

// While the old server is down, or says what nobody understands, nobody is told that his password is wrong.
func TestSubmissionWithoutTheOldServer(t *testing.T) {
	s := newSubmitBed(t, layout{legacy: testserver.IMAPConfig{Hook: func(c testserver.IMAPCall) *testserver.IMAPFault {
		if c.User == "bob@example.com" {
			return &testserver.IMAPFault{Code: "UNAVAILABLE", Text: "later"}
		}
		return nil
	}}})
	s.start()
	ask := func(user string) {
		t.Helper()
		if r := s.submit("submission", user, "old secret", user, []string{"x@outside.example"}, []byte("x\r\n")); r.Final.Code != 454 || !strings.HasPrefix(r.Final.Text, "4.7.0") {
			t.Errorf("%s: %+v", user, r)
		}
	}
	ask("bob@example.com")
	s.legacy.Stop()
	ask("anna@example.com")
}

// The old server may be asked by its submission port too.
func TestSubmissionAsksBySMTP(t *testing.T) {
	s := newSubmitBed(t, layout{})
	old := testserver.NewSMTP(testserver.SMTPConfig{Users: map[string]string{"anna@example.com": "by smtp"}})
	must(t, old.Start())
	t.Cleanup(old.Stop)
	cfg := s.config()
	cfg.Submission.Ask, cfg.Submission.SMTP, cfg.Submission.SMTPTLS = "smtp", old.Addr(), "none"
	s.daemon = s.newWith(cfg)
	must(t, s.daemon.Start(t.Context()))
	t.Cleanup(s.stop)
	for password, code := range map[string]int{"by smtp": 250, "old secret": 535} {
		if r := s.submit("submission", "anna@example.com", password, "anna@example.com", []string{"x@outside.example"}, []byte("Subject: x\r\n\r\nx\r\n")); r.Final.Code != code {
			t.Errorf("%s: %+v", password, r)
		}
	}
}

// A user is told of what is not taken outside, in his own mailbox; it is once, and nobody else has to look.
func TestSubmissionTellsOfFailure(t *testing.T) {
	s := newSubmitBed(t, layout{speed: 60, mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && strings.Contains(c.Arg, "@outside.example") {
			return testserver.Refuse(550, "5.1.1 no such user")
		}
		return nil
	}}})
	s.start()
	if r := s.submit("submission", "anna@example.com", "old secret", "anna@example.com", []string{"gone@outside.example"}, message("lost", "anna@example.com", "gone@outside.example")); !r.Final.OK() {
		t.Fatalf("%+v", r)
	}
	s.eventually("the notification", func() bool { return len(s.holding(s.cloud, "anna@example.com", nil)) == 1 })
	if q := s.status().Queue; q.Held != 0 {
		t.Errorf("%+v", q)
	}
	var text string
	for _, e := range s.mx.Received() {
		text += string(e.Data)
	}
	for _, part := range []string{"gone@outside.example", "Action: failed", "Status: 5.1.1"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

// A program that did not hear our 250 submits again, by the other port and with a new login: it is one capture.
func TestSubmissionRepeated(t *testing.T) {
	s := newSubmitBed(t, layout{})
	s.start()
	msg := message("once", "anna@example.com", "x@outside.example")
	for _, listener := range []string{"submission", "submissions"} {
		if r := s.submit(listener, "anna@example.com", "old secret", "anna@example.com", []string{"x@outside.example"}, msg); !r.Final.OK() {
			t.Fatalf("%+v", r)
		}
	}
	s.until("it to go", settled(1))
	if n := s.mx.Accepted(); n != 1 {
		t.Errorf("it went %d times", n)
	}
}

// TLS is what users need; without it they hear so, and strangers who got TLS hear that they must log in.
func TestSubmissionNeedsLogin(t *testing.T) {
	s := newSubmitBed(t, layout{})
	s.start()
	for name, c := range map[string]struct {
		tls  *tls.Config
		want string
	}{"plain": {nil, "530 5.7.0 Say STARTTLS first"}, "secure": {s.ca.Client(""), "530 5.7.0 Log in first"}} {
		r, err := testserver.Sender{LocalAddr: "127.0.0.3", TLS: c.tls}.Send(t.Context(), s.at("submission"), "anna@example.com", []string{"bob@example.com"}, []byte("x\r\n"))
		if got := fmt.Sprint(r.Final); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// Without a certificate of its own a listener shows the one that we sign; the status says so.
func TestSubmissionWithACertificateOfOurOwn(t *testing.T) {
	s := newSubmitBed(t, layout{})
	s.layout.rest = strings.NewReplacer("tls_cert = \"chain.pem\"\n", "", "tls_key = \"key.pem\"\n", "").Replace(s.layout.rest)
	s.start()
	for _, listener := range []string{"submission", "submissions"} {
		sender := testserver.Sender{LocalAddr: "127.0.0.3", TLS: &tls.Config{InsecureSkipVerify: true}, Implicit: listener == "submissions", User: "anna@example.com", Password: "old secret"}
		r, err := sender.Send(t.Context(), s.at(listener), "anna@example.com", []string{"bob@example.com"}, message("by "+listener, "anna@example.com", "bob@example.com"))
		if err != nil || !r.Final.OK() {
			t.Errorf("%s: %+v, %v", listener, r, err)
		}
	}
	for _, l := range s.until("both to arrive", settled(2)).Listeners {
		if !l.Certificate.SelfSigned || l.Certificate.Names[0] != "mail.example.com" {
			t.Errorf("%+v", l)
		}
	}
	if !strings.Contains(s.logged.String(), "made a certificate for mail.example.com") {
		t.Error("the log does not say so")
	}
}

// The user's own copy lies in the cloud's Sent folder, as it was sent.
func TestSubmissionFilesSent(t *testing.T) {
	s := newSubmitBed(t, layout{speed: 120, rest: "[submission]\nsent_copy = true\n"})
	must(t, s.cloud.CreateFolder("anna@example.com", "Sent", `\Sent`))
	s.start()
	msg := message("filed", "anna@example.com", "x@outside.example")
	if r := s.submit("submission", "anna@example.com", "old secret", "anna@example.com", []string{"x@outside.example"}, msg); !r.Final.OK() {
		t.Fatalf("%+v", r)
	}
	s.eventually("the copy", func() bool { return len(s.holding(s.cloud, "anna@example.com", msg)) == 1 })
	where := s.holding(s.cloud, "anna@example.com", msg)
	folder, uid, _ := strings.Cut(where[0], ":")
	if folder != "Sent" {
		t.Errorf("it lies at %v", where)
	}
	var n uint32
	fmt.Sscan(uid, &n)
	if data, err := s.cloud.Bytes("anna@example.com", folder, n); err != nil || string(data) != string(msg) {
		t.Errorf("%q, %v", data, err)
	}
}
