package daemon_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// three are the recipients of one message.
var three = []string{"anna@example.com", "bob@example.com", "carl@example.com"}

// byVerbs are servers to which a message goes in one write by BDAT, by DATA behind a pipelined envelope, or step by step.
var byVerbs = map[string]testserver.SMTPConfig{"BDAT": {}, "DATA": without("CHUNKING", "BINARYMIME"), "step by step": without("CHUNKING", "BINARYMIME", "PIPELINING")}

// unlucky are the recipients whom a message's sender has refused: "451-5@sender.example" is the first and the third, for now.
func unlucky(from string) (code string, refused []string) {
	code, rest, _ := strings.Cut(from, "-")
	set, _, _ := strings.Cut(rest, "@")
	for i, address := range three {
		if n, _ := strconv.Atoi(set); n>>i&1 == 1 {
			refused = append(refused, address)
		}
	}
	return code, refused
}

// refuser refuses those who are unlucky until the day is over.
func refuser(over *atomic.Bool) func(testserver.SMTPCall) *testserver.Reply {
	replies := map[string]testserver.Reply{
		"550": {Code: 550, Text: "5.1.1 no such user"}, "451": {Code: 451, Text: "4.3.0 later"}, "421": {Code: 421, Text: "4.3.2 closing", Close: true},
	}
	return func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage != testserver.AtRcpt || over.Load() {
			return nil
		}
		code, refused := unlucky(c.Envelope.From)
		if reply := replies[code]; slices.Contains(refused, c.Arg) {
			return &reply
		}
		return nil
	}
}

// TestRefusedAtEachRecipient: whichever of several are refused, the first, the last or all, for good or for now, and by whatever verbs, the others have the message once, and nobody has it twice.
func TestRefusedAtEachRecipient(t *testing.T) {
	for verbs, mx := range byVerbs {
		t.Run(verbs, func(t *testing.T) {
			t.Parallel()
			var over atomic.Bool
			mx.Script = refuser(&over)
			b := newBed(t, layout{mx: mx})
			b.startBeside(t)
			sent := map[string][]byte{}
			arrived, refused := 0, map[string]int{}
			for _, code := range []string{"550", "451"} {
				for set := 1; set < 1<<len(three); set++ {
					from := fmt.Sprintf("%s-%d@sender.example", code, set)
					sent[from] = b.send(fmt.Sprint(code, " for ", set), from, three...)
					_, out := unlucky(from)
					arrived, refused[code] = arrived+len(three)-len(out), refused[code]+len(out)
				}
			}
			b.until("the others to have theirs", func(s control.Status) bool {
				return s.Queue.Settled == arrived && s.Queue.Held == refused["550"] && s.Queue.Due+s.Queue.Sending == refused["451"]
			})
			over.Store(true)
			b.until("those put off to have theirs", func(s control.Status) bool {
				return s.Queue.Settled == arrived+refused["451"] && s.Queue.Held == refused["550"]
			})
			for from, msg := range sent {
				b.eachOnce(from, msg)
			}
			if b.mx.Violations() != 0 {
				t.Errorf("%d breaches of the protocol", b.mx.Violations())
			}
		})
	}
}

// eachOnce demands that everybody has a message once, but for those who were refused for good.
func (b *bed) eachOnce(from string, msg []byte) {
	b.t.Helper()
	code, refused := unlucky(from)
	for _, address := range three {
		want := 1
		if code == "550" && slices.Contains(refused, address) {
			want = 0
		}
		if found := b.holding(b.cloud, address, msg); len(found) != want {
			b.t.Errorf("%s: %s has it at %v, want it %d times", from, address, found, want)
		}
	}
}

// A connection that ends at the second or the last recipient of three leaves nobody without the message, and nobody with two.
func TestClosedAtARecipient(t *testing.T) {
	for verbs, mx := range byVerbs {
		for _, set := range []int{2, 4} {
			t.Run(fmt.Sprint(verbs, " ", set), func(t *testing.T) {
				t.Parallel()
				var over atomic.Bool
				mx.Script = refuser(&over)
				b := newBed(t, layout{mx: mx})
				b.startBeside(t)
				from := fmt.Sprintf("421-%d@sender.example", set)
				msg := b.send("hello", from, three...)
				b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) > 0 && s.Queue.Waiting[0].Attempts > 0 })
				over.Store(true)
				b.until("all to have it", settled(len(three)))
				b.eachOnce(from, msg)
			})
		}
	}
}

// TestBadDaysBeforeMail: STARTTLS and AUTH stall, are cut off and refused; mail waits, none goes in the clear or without a login, and once the day is over it arrives once.
func TestBadDaysBeforeMail(t *testing.T) {
	for _, stage := range []testserver.Stage{testserver.AtStartTLS, testserver.AtAuth} {
		for what, reply := range map[string]testserver.Reply{
			"stalls": {Stall: true}, "is cut": {Drop: true}, "421": {Code: 421, Text: "4.3.2 closing", Close: true}, "454": {Code: 454, Text: "4.7.0 not available due to temporary reason"}, "502": {Code: 502, Text: "5.5.1 not implemented"},
		} {
			t.Run(string(stage)+" "+what, func(t *testing.T) { t.Parallel(); beforeMail(t, stage, reply) })
		}
	}
}

func beforeMail(t *testing.T, stage testserver.Stage, reply testserver.Reply) {
	ca, err := testserver.NewCA()
	must(t, err)
	leaf, err := ca.Leaf("127.0.0.1")
	must(t, err)
	var over, struck atomic.Bool
	b := newBed(t, layout{mx: testserver.SMTPConfig{
		TLS: &tls.Config{Certificates: []tls.Certificate{leaf}}, Users: map[string]string{"posthouse": "smtp secret"},
		Script: func(c testserver.SMTPCall) *testserver.Reply {
			if c.Stage != stage || over.Load() {
				return nil
			}
			struck.Store(true)
			return &reply
		},
	}})
	file := filepath.Join(b.dir, "ca.pem")
	must(t, os.WriteFile(file, ca.PEM(), 0o600))
	cfg := b.config()
	cloud := cfg.Servers["cloud"]
	cloud.SMTPTLS, cloud.CAFile = config.TLSStartTLS, file
	cloud.SMTPAuth, cloud.SMTPLogin, cloud.SMTPPassword = "plain", "posthouse", config.LiteralSecret("smtp secret")
	cfg.Servers["cloud"] = cloud
	b.daemon = b.newWith(cfg)
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(func() { _ = b.daemon.Stop(context.Background()) })
	msg := b.send("hello", "x@sender.example", "anna@example.com", "bob@example.com")
	s := b.until("an attempt", func(s control.Status) bool {
		return struck.Load() && s.Queue.Due+s.Queue.Sending == 2 && (reply.Stall || s.Queue.Waiting[0].Attempts > 0)
	})
	if w := s.Queue.Waiting[0]; b.mx.Accepted() != 0 || strings.Contains(w.Why, "smtp secret") {
		t.Errorf("%+v", w)
	}
	over.Store(true)
	if reply.Stall { // it would take minutes until we give up
		b.mx.Stop()
		must(t, b.mx.Start())
	}
	b.until("both to have it", settled(2))
	for _, address := range []string{"anna@example.com", "bob@example.com"} {
		b.once(b.cloud, address, msg)
	}
	for _, e := range b.mx.Received() {
		if !e.TLS || e.User != "posthouse" {
			t.Errorf("a message went in the clear or without a login: TLS %v, user %q", e.TLS, e.User)
		}
	}
}
