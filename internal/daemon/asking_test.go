package daemon_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
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
	"posthouse/test/neighbour"
)

// knowing is an SMTP server that knows these addresses alone.
func knowing(known ...string) testserver.SMTPConfig {
	return testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && !slices.Contains(known, c.Arg) {
			return testserver.Refuse(550, "5.1.1 User unknown")
		}
		return nil
	}}
}

// rcpt is what the daemon answers to a recipient.
func (b *bed) rcpt(to string) int {
	b.t.Helper()
	return b.rcptFrom("x@sender.example", to)
}

func (b *bed) rcptFrom(from, to string) int {
	b.t.Helper()
	s := b.sender
	s.Unfinished = true
	r, _ := s.Send(b.t.Context(), b.listener(), from, []string{to}, message("question", "x@sender.example", to))
	if len(r.Rcpts) == 0 {
		b.t.Fatalf("%s: %+v", to, r)
	}
	return r.Rcpts[0].Code
}

func (b *bed) asked(server string) control.Asked {
	b.t.Helper()
	for _, a := range b.status().Asked {
		if a.Server == server {
			return a
		}
	}
	b.t.Fatalf("%s is not asked", server)
	return control.Asked{}
}

// Who is in no list is taken where a server knows it, goes there, and is an alarm where that is the old server alone. The others are refused, and are no use of the old route.
func TestAskedServers(t *testing.T) {
	b := newBed(t, layout{recipients: `ask = ["legacy", "cloud"]`, old: knowing("erna@example.com", "anna@example.com"), mx: knowing("fritz@example.com", "anna@example.com", "bob@example.com", "carl@example.com")})
	b.legacy.AddUser("erna@example.com", "x")
	b.cloud.AddUser("fritz@example.com", "x")
	b.start()
	toErna, toFritz := b.send("for erna", "x@sender.example", "erna@example.com"), b.send("for fritz", "x@sender.example", "Fritz@Example.com", "anna@example.com")
	for range 2 {
		for to, want := range map[string]int{"nobody@example.com": 550, "nobody%sender.example@example.com": 550, "x@sender.example": 550} {
			if got := b.rcpt(to); got != want {
				t.Errorf("%s: %d, want %d", to, got, want)
			}
		}
	}
	s := b.until("all to be delivered", func(s control.Status) bool {
		return s.Queue.Settled >= 1 && s.Queue.Due+s.Queue.Sending+s.Queue.InDoubt == 0
	})
	if got := b.old.Received(); len(got) != 1 || got[0].Recipients()[0] != "erna@example.com" || !bytes.HasSuffix(got[0].Data, toErna) {
		t.Errorf("the old server got %d messages", len(got))
	}
	var people []string
	for _, e := range b.mx.Received() {
		if people = append(people, e.Recipients()...); !bytes.HasSuffix(e.Data, toFritz) {
			t.Errorf("%v got another message", e.Recipients())
		}
	}
	if slices.Sort(people); !slices.Equal(people, []string{"anna@example.com", "fritz@example.com"}) {
		t.Errorf("the cloud got mail for %v", people)
	}
	if s.Arriving.Week != 2 {
		t.Errorf("%d messages arrived", s.Arriving.Week)
	}
	for server, known := range map[string]int{"legacy": 1, "cloud": 1} {
		if a := b.asked(server); a.Known != known || a.Unknown != 2 || a.Questions != 4 || !slices.Equal(a.Knows, []string{"example.com"}) || len(a.Mute) > 0 || a.Trouble != "" {
			t.Errorf("%+v", a)
		}
	}
	gap := func(s string) bool {
		return strings.HasPrefix(s, "known to the old server alone, which gets their mail: erna@example.com;")
	}
	if !slices.ContainsFunc(s.Trouble, gap) {
		t.Errorf("trouble: %q", s.Trouble)
	}
	// A list that has the address ends the alarm, and what is known is asked anew after a reload.
	write(t, b, "virtual", "erna@example.com anna, fritz2\n@example.com bob@example.com\nfritz2@example.com carl@example.com\n")
	b.layout.recipients += "\nvirtual = \"virtual\""
	if changes := b.reload(); !slices.Contains(changes, "recipients.virtual[@example.com]: - → bob@example.com (live)") {
		t.Errorf("%v", changes)
	}
	if s := b.status(); slices.ContainsFunc(s.Trouble, gap) {
		t.Errorf("trouble: %q", s.Trouble)
	}
	b.mx.Reset()
	b.send("by the list", "x@sender.example", "erna@example.com")
	b.send("by the catch-all", "x@sender.example", "nobody@example.com")
	b.eventually("all three", func() bool {
		people = nil
		for _, e := range b.mx.Received() {
			people = append(people, e.Recipients()...)
		}
		slices.Sort(people)
		return slices.Equal(people, []string{"anna@example.com", "bob@example.com", "carl@example.com"})
	})
}

func write(t *testing.T, b *bed, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
}

// Whatever is the matter with the only server that could say no: nobody is refused, the sender is answered in time, and the status says why.
func TestAskedServersThatDoNotTell(t *testing.T) {
	ca, err := testserver.NewCA()
	must(t, err)
	foreign, err := ca.Server("somebody.else.example")
	must(t, err)
	at := func(stage testserver.Stage, r testserver.Reply) testserver.SMTPConfig {
		return testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
			if c.Stage == stage {
				return &r
			}
			return nil
		}}
	}
	for _, tt := range []struct {
		name string
		old  testserver.SMTPConfig
		want func(control.Asked) bool
	}{
		{"greylisting", at(testserver.AtRcpt, testserver.Reply{Code: 450, Text: "4.2.0 Greylisted"}), func(a control.Asked) bool { return a.Trouble == "450 4.2.0 Greylisted" && !a.Down }},
		{"takes everything", testserver.SMTPConfig{}, func(a control.Asked) bool { return slices.Equal(a.Mute, []string{"example.com"}) && a.Questions == 1 }},
		{"tarpit", at(testserver.AtRcpt, testserver.Reply{Stall: true}), func(a control.Asked) bool { return strings.Contains(a.Trouble, "deadline exceeded") }},
		{"no greeting", at(testserver.AtConnect, testserver.Reply{Stall: true}), func(a control.Asked) bool { return strings.Contains(a.Trouble, "deadline exceeded") }},
		{"cut", at(testserver.AtRcpt, testserver.Reply{Drop: true}), func(a control.Asked) bool { return strings.Contains(a.Trouble, "EOF") }},
		{"foreign certificate", testserver.SMTPConfig{TLS: foreign}, func(a control.Asked) bool { return strings.Contains(a.Trouble, "certificate") }},
		{"denies us", at(testserver.AtRcpt, testserver.Reply{Code: 550, Text: "5.7.1 Relaying denied"}), func(a control.Asked) bool { return a.Trouble == "550 5.7.1 Relaying denied" }},
		{"no null senders", at(testserver.AtMail, testserver.Reply{Code: 550, Text: "5.1.1 No such user"}), func(a control.Asked) bool { return strings.Contains(a.Trouble, "5.1.1 No such user") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, layout{recipients: "ask = [\"legacy\"]\nask_timeout = \"1s\"", old: tt.old})
			cfg := b.config()
			cfg.Recipients.Complete = false
			if tt.old.TLS != nil {
				s := cfg.Servers["legacy"]
				s.SMTPTLS = config.TLSStartTLS
				cfg.Servers["legacy"] = s
			}
			b.daemon = b.newWith(cfg)
			must(t, b.daemon.Start(t.Context()))
			t.Cleanup(b.stop)
			for range 2 {
				if got := b.rcpt("erna@example.com"); got != 451 {
					t.Errorf("erna: %d", got)
				}
			}
			if got := b.rcpt("anna@example.com"); got != 250 {
				t.Errorf("anna: %d", got)
			}
			if a := b.asked("legacy"); !tt.want(a) {
				t.Errorf("%+v", a)
			}
			if n := b.old.Accepted(); n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// An old server that asks us in turn about whom we ask it about gets an answer at once, and is not asked once more.
func TestAskedServerThatAsksUs(t *testing.T) {
	var questions atomic.Int32
	var b *bed
	old := testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage != testserver.AtRcpt {
			return nil
		}
		questions.Add(1)
		s := testserver.Sender{LocalAddr: "127.0.0.9", Unfinished: true}
		r, _ := s.Send(b.t.Context(), b.listener(), "", []string{c.Arg}, []byte("x\r\n"))
		if len(r.Rcpts) == 0 {
			return testserver.Refuse(450, "4.0.0 nobody answers")
		}
		return testserver.Refuse(r.Rcpts[0].Code, r.Rcpts[0].Text)
	}}
	b = newBed(t, layout{recipients: `ask = ["legacy", "cloud"]`, old: old, mx: knowing("fritz@example.com")})
	b.start()
	begun := time.Now()
	for to, want := range map[string]int{"fritz@example.com": 250, "nobody@example.com": 550} {
		if got := b.rcpt(to); got != want {
			t.Errorf("%s: %d, want %d", to, got, want)
		}
	}
	if n := questions.Load(); n != 3 || time.Since(begun) > 9*time.Second {
		t.Errorf("%d questions to the old server, in %s", n, time.Since(begun))
	}
}

// Real servers say what they know, and what reaches them is no message.
func TestAskedNeighbours(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, next string) (smtp string, said func(string) bool){
		"Postfix": func(t *testing.T, next string) (string, func(string) bool) {
			p := neighbour.StartPostfix(t, neighbour.PostfixConfig{
				Name: "old", NextHop: "lmtp:inet:" + next, Settings: "relay_domains = example.com\nrelay_recipient_maps = inline:{ erna@example.com=yes }\n",
			})
			return p.SMTP, p.Said
		},
		"Exim": func(t *testing.T, next string) (string, func(string) bool) {
			e := neighbour.StartExim(t, neighbour.EximConfig{Name: "old", Next: next, Refuse: []string{"!erna@example.com", "*@example.com"}})
			return e.SMTP, e.Said
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, layout{recipients: "ask = [\"legacy\"]\nask_rate = 600", old: testserver.SMTPConfig{LMTP: true}})
			b.legacy.AddUser("erna@example.com", "x")
			cfg := b.config()
			s := cfg.Servers["legacy"]
			smtp, said := start(t, b.old.Addr())
			s.SMTP = smtp
			cfg.Servers["legacy"] = s
			b.daemon = b.newWith(cfg)
			must(t, b.daemon.Start(t.Context()))
			t.Cleanup(b.stop)
			msg := b.send("for erna", "x@sender.example", "erna@example.com")
			for range 3 {
				if got := b.rcpt("nobody@example.com"); got != 550 {
					t.Errorf("nobody: %d", got)
				}
			}
			got, err := b.old.Wait(t.Context(), 1)
			if err != nil || len(got) != 1 || !bytes.HasSuffix(got[0].Data, msg) {
				t.Errorf("%d messages, %v", len(got), err)
			}
			if a := b.asked("legacy"); a.Known != 1 || a.Unknown != 1 || a.Questions != 3 || len(a.Knows) != 1 {
				t.Errorf("%+v", a)
			}
			// Each refused recipient is an error of the session, and servers bear few.
			for i := range 30 {
				if got := b.rcpt(fmt.Sprintf("nobody%d@example.com", i)); got != 550 {
					t.Fatalf("nobody%d: %d, %+v", i, got, b.asked("legacy"))
				}
			}
			if a := b.asked("legacy"); a.Deferred != 0 || said("too many") {
				t.Errorf("%+v, and it said that we make too many errors: %v", a, said("too many"))
			}
		})
	}
}

// A Postfix that hands everything to us, and asks us whether there is such a recipient before it says so itself: neither waits for the other.
func TestAskedPostfixThatAsksUs(t *testing.T) {
	listener := net.JoinHostPort(neighbour.Address(), "2525")
	host, port, _ := net.SplitHostPort(listener)
	p := neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "old", NextHop: fmt.Sprintf("smtp:[%s]:%s", host, port), Settings: strings.Join([]string{
		"smtpd_recipient_restrictions = reject_unverified_recipient, permit_mynetworks, reject", "unverified_recipient_reject_code = 550", "address_verify_poll_delay = 1s",
		"address_verify_map =", "smtp_connect_timeout = 5s", "",
	}, "\n")})
	b := newBed(t, layout{recipients: "ask = [\"legacy\", \"cloud\"]\nask_timeout = \"30s\"", mx: knowing("fritz@example.com")})
	cfg := b.config()
	s := cfg.Servers["legacy"]
	s.SMTP = p.SMTP
	cfg.Servers["legacy"] = s
	l := cfg.Listeners["mx"]
	l.Address, l.LegacyAddresses = listener, []netip.Prefix{netip.MustParsePrefix(p.Host + "/32")}
	cfg.Listeners["mx"] = l
	b.daemon = b.newWith(cfg)
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(b.stop)
	for to, want := range map[string]int{"fritz@example.com": 250, "nobody@example.com": 550} {
		if got := b.rcpt(to); got != want {
			t.Errorf("%s: %d, want %d", to, got, want)
		}
	}
	if a := b.asked("legacy"); a.Questions != 3 || a.Deferred != 0 {
		t.Errorf("%+v", a)
	}
}
