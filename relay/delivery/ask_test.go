package delivery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

// asked is a server that notes each step of its sessions, and a client for it.
type asked struct {
	*Client
	server *testserver.SMTP
	mu     sync.Mutex
	steps  []string
}

func newAsked(t *testing.T, cfg testserver.SMTPConfig, change ...func(*Destination)) *asked {
	t.Helper()
	a := &asked{}
	script := cfg.Script
	cfg.Script = func(call testserver.SMTPCall) *testserver.Reply {
		a.mu.Lock()
		a.steps = append(a.steps, strings.TrimSpace(string(call.Stage)+" "+call.Arg))
		a.mu.Unlock()
		if script == nil {
			return nil
		}
		return script(call)
	}
	a.server = testserver.NewSMTP(cfg)
	if err := a.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.server.Stop)
	d := Destination{Address: a.server.Addr(), TLS: TLS{Mode: Plaintext}, MaxConnections: 1}
	for _, f := range change {
		f(&d)
	}
	var err error
	if a.Client, err = New(Config{Destination: d, Hello: "gate.old.example"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Client.Stop(context.Background()) })
	return a
}

func (a *asked) said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.steps, ", ")
}

// TestAsk: null sender, the recipient, RSET; one session for all questions, and no message ever begins.
func TestAsk(t *testing.T) {
	for _, without := range [][]string{nil, {"PIPELINING"}, {"EHLO"}} {
		a := newAsked(t, testserver.SMTPConfig{Without: without, Script: func(c testserver.SMTPCall) *testserver.Reply {
			if c.Stage == testserver.AtRcpt && c.Arg != "anna@new.example" {
				return testserver.Refuse(550, "5.1.1 no such user")
			}
			return nil
		}})
		for address, code := range map[string]int{"anna@new.example": 250, "nobody@new.example": 550} {
			r, err := a.Ask(t.Context(), address)
			if err != nil || r.Code != code || code == 550 && r.Enhanced != "5.1.1" {
				t.Errorf("without %v: %s: %s, %v", without, address, r, err)
			}
		}
		if n := a.server.Connections(); n != 1 {
			t.Errorf("without %v: %d connections", without, n)
		}
		said := a.said()
		if !strings.Contains(said, "mail, rcpt anna@new.example, rset") || !strings.Contains(said, "mail, rcpt nobody@new.example, rset") || strings.Contains(said, "data") {
			t.Errorf("without %v: %s", without, said)
		}
		if a.server.Violations() != 0 || a.server.Accepted() != 0 {
			t.Errorf("without %v: %d violations, %d messages", without, a.server.Violations(), a.server.Accepted())
		}
	}
}

// TestAskSaysNothingOfTheAddress: what is said of the session, the sender or nothing at all is no reply to the address.
func TestAskSaysNothingOfTheAddress(t *testing.T) {
	for name, at := range map[string]struct {
		stage testserver.Stage
		reply testserver.Reply
	}{
		"greeting":        {testserver.AtConnect, testserver.Reply{Code: 554, Text: "5.7.1 go away"}},
		"sender":          {testserver.AtMail, testserver.Reply{Code: 550, Text: "5.1.1 no null senders"}},
		"421":             {testserver.AtRcpt, testserver.Reply{Code: 421, Text: "4.3.2 closing"}},
		"cut":             {testserver.AtRcpt, testserver.Reply{Drop: true}},
		"stall":           {testserver.AtRcpt, testserver.Reply{Stall: true}},
		"no SMTP":         {testserver.AtRcpt, testserver.Reply{Code: 354, Text: "go ahead"}},
		"stalls at hello": {testserver.AtHelo, testserver.Reply{Stall: true}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsked(t, testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
				if c.Stage == at.stage {
					return &at.reply
				}
				return nil
			}}, func(d *Destination) { d.Timeouts = Timeouts{Command: 300 * time.Millisecond} })
			r, err := a.Ask(t.Context(), "anna@new.example")
			var s *SessionError
			if r.Code != 0 || !errors.As(err, &s) {
				t.Errorf("%s, %v", r, err)
			}
		})
	}
}

// TestAskEndsWithItsContext: a server that does not answer keeps nobody longer than they want, and the next question begins anew.
func TestAskEndsWithItsContext(t *testing.T) {
	var once sync.Once
	a := newAsked(t, testserver.SMTPConfig{Script: func(c testserver.SMTPCall) (r *testserver.Reply) {
		if c.Stage == testserver.AtRcpt {
			once.Do(func() { r = &testserver.Reply{Stall: true} })
		}
		return r
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(ctx, "anna@new.example"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if r, err := a.Ask(t.Context(), "anna@new.example"); err != nil || r.Code != 250 {
		t.Errorf("%s, %v", r, err)
	}
}

// TestAskOnADeadSession: a session that died while it was idle costs a new one and no answer.
func TestAskOnADeadSession(t *testing.T) {
	a := newAsked(t, testserver.SMTPConfig{})
	for range 2 {
		if r, err := a.Ask(t.Context(), "anna@new.example"); err != nil || r.Code != 250 {
			t.Errorf("%s, %v", r, err)
		}
		a.server.Stop()
		if err := a.server.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAskWhatCannotBeAsked: nothing that could end the command, and no address that the server could not read.
func TestAskWhatCannotBeAsked(t *testing.T) {
	a := newAsked(t, testserver.SMTPConfig{Without: []string{"SMTPUTF8"}})
	for _, address := range []string{"", "a@b>\r\nDATA", "änna@new.example"} {
		var u *Unfit
		if _, err := a.Ask(t.Context(), address); !errors.As(err, &u) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if said := a.said(); strings.Contains(said, "mail") {
		t.Error(said)
	}
	b := newAsked(t, testserver.SMTPConfig{})
	if r, err := b.Ask(t.Context(), "änna@new.example"); err != nil || r.Code != 250 {
		t.Errorf("%s, %v", r, err)
	}
}

// TestAskInSteps: a next hop that throws away what came along with MAIL is asked step by step from then on.
func TestAskInSteps(t *testing.T) {
	p := startLoop(t)
	c := clientFor(t, p.l.Addr().String(), func(d *Destination) { d.Timeouts = Timeouts{Command: 300 * time.Millisecond} })
	asked := make(chan error)
	ask := func() { _, err := c.Ask(t.Context(), "anna@new.example"); asked <- err }
	go ask()
	s := p.accept()
	s.hello("")
	s.hear("MAIL")
	s.say("250 ok\r\n")
	if err := <-asked; err == nil {
		t.Fatal("an answer without a reply")
	}
	go ask()
	s = p.accept()
	s.hello("")
	for _, command := range []string{"MAIL", "RCPT", "RSET"} {
		s.hear(command)
		if s.r.Buffered() > 0 {
			t.Errorf("something came along with %s", command)
		}
		s.say("250 ok\r\n")
	}
	if err := <-asked; err != nil {
		t.Error(err)
	}
	s.Close()
}
