package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// oldLog is the log of the old server, as the test writes it.
type oldLog struct {
	*bed
	path string
}

func newOldLog(b *bed) oldLog {
	l := oldLog{b, filepath.Join(b.dir, "dovecot.log")}
	l.write("master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap, pop3, lmtp")
	return l
}

const oldLogConfig = "[evidence.dovecot]\nkind = \"dovecot\"\nfile = \"dovecot.log\"\ntimezone = \"UTC\"\n"

func (l oldLog) write(texts ...string) {
	l.t.Helper()
	for _, text := range texts {
		l.line("dovecot: " + text)
	}
}

// line is one of any program.
func (l oldLog) line(text string) {
	l.t.Helper()
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(l.t, err)
	defer file.Close()
	_, err = fmt.Fprintf(file, "%s old %s\n", l.clock.Now().UTC().Format(time.RFC3339), text)
	must(l.t, err)
}

func (l oldLog) delivered(user, id string) {
	l.t.Helper()
	l.write("lmtp(" + user + ")<7><x>: msgid=<" + id + "@sender.example>: saved mail to INBOX")
}

func (b *bed) evidence() control.Evidence {
	b.t.Helper()
	e, err := b.daemon.Evidence(b.t.Context())
	must(b.t, err)
	return e
}

func (b *bed) untilEvidence(what string, ok func(control.Evidence) bool) control.Evidence {
	b.t.Helper()
	return await(b, what, b.evidence, ok)
}

func bodyless(id string) []byte {
	return fmt.Appendf(nil, "From: <x@sender.example>\r\nTo: <anna@example.com>\r\nMessage-ID: <%s@sender.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n%s\r\n", id, id)
}

// What a log says was delivered on the old side is held against both sides: what the bridge saw, and what a listener took, is well; what POP3 took away, or Sieve discarded, is told
// by mailbox, message and client, and keeps the verdict from being ready until it turns up or a person accepts it.
func TestReconciliation(t *testing.T) {
	b := newBed(t, layout{speed: 2, verdict: "delivered_within = \"1s\"", rest: oldLogConfig + "[evidence.filter]\nkind = \"dovecot\"\nfile = \"filter.log\"\n", to: "to = [\"home:smtp\"]\ntee = true"})
	log, second := newOldLog(b), oldLog{b, filepath.Join(b.dir, "filter.log")}
	second.write("lmtp(7): Connect from local")
	b.start()
	b.until("the copy", copied)

	_, err := b.legacy.Deliver("anna@example.com", bodyless("kept"))
	must(t, err)
	log.delivered("anna@example.com", "kept")
	b.send("captured", "x@sender.example", "anna@example.com")
	log.delivered("anna@example.com", "captured")
	_, err = b.cloud.Deliver("bob@example.com", bodyless("moved-by-hand"))
	must(t, err)
	log.delivered("bob", "moved-by-hand")
	log.delivered("root", "foreign")
	log.delivered("Anna@Example.com", "popped")
	log.write("pop3-login: Login: user=<anna@example.com>, method=PLAIN, rip=192.0.2.44, lip=192.0.2.1, mpid=7, TLS, session=<p>",
		"lmtp(bob@example.com)<7><x>: sieve: msgid=<discarded@sender.example>: marked message to be discarded if not explicitly delivered (discard action)")

	second.delivered("bob", "discarded") // another log tells of the same message under another name

	e := b.untilEvidence("what is missing", func(e control.Evidence) bool { return e.Local.Missing == 2 && e.Local.Seen == 4 && e.Local.Open == 0 })
	if e.Local.Foreign != 1 || len(e.Local.List) != 2 {
		t.Errorf("%+v", e.Local)
	}
	wantToldMissing(t, e.Local.List)
	b.wantInTheWay()
	b.wantTraced()
	b.acceptMissing()

	// The user puts it into the cloud himself. It is looked for again at the next start, else within the hour.
	_, err = b.cloud.Deliver("anna@example.com", bodyless("popped"))
	must(t, err)
	b.stop()
	b.start()
	b.untilEvidence("the message that turned up", func(e control.Evidence) bool {
		return e.Local.Missing == 0 && e.Local.Seen == 5 && e.Local.Accepted == 1
	})
	if s := b.status(); slices.Contains(codes(s), string(evidence.Missing)) {
		t.Errorf("still in the way: %+v", s.Server.Reasons)
	}
}

// wantToldMissing wants the one that POP3 took and the one that Sieve discarded to be told with whose they are, and who took them.
func wantToldMissing(t *testing.T, missing []control.Missing) {
	t.Helper()
	byID := map[string]control.Missing{}
	for _, m := range missing {
		byID[m.Message] = m
	}
	if m := byID["<popped@sender.example>"]; m.Mailbox != "anna@example.com" || !strings.Contains(m.Note, "POP3") || !strings.Contains(m.Note, "192.0.2.44") || m.Source != "dovecot" {
		t.Errorf("%+v", m)
	}
	if m := byID["<discarded@sender.example>"]; m.Mailbox != "bob@example.com" || m.Note != "discarded by Sieve" {
		t.Errorf("%+v", m)
	}
}

// wantInTheWay wants what is missing to keep the verdict from being ready, and to be an alarm.
func (b *bed) wantInTheWay() {
	b.t.Helper()
	s := b.status()
	if i := slices.IndexFunc(s.Server.Reasons, func(r evidence.Reason) bool { return r.Code == evidence.Missing }); i < 0 || !slices.Contains(s.Server.Reasons[i].Senders, "anna@example.com") {
		b.t.Errorf("the verdict does not tell: %+v", s.Server.Reasons)
	}
	if !slices.ContainsFunc(s.Trouble, func(x string) bool {
		return strings.Contains(x, "2 messages were delivered on the old side") && strings.Contains(x, "@sender.example")
	}) {
		b.t.Errorf("no alarm: %q", s.Trouble)
	}
}

// wantTraced wants a trace to tell what logs and the bridge say of a message.
func (b *bed) wantTraced() {
	b.t.Helper()
	trace, err := b.daemon.Trace(b.t.Context(), "popped@sender.example")
	must(b.t, err)
	if len(trace.Messages) != 0 || len(trace.Said) != 1 || trace.Said[0].State != "missing" || !strings.Contains(trace.Said[0].Detail, "INBOX; taken by POP3") {
		b.t.Errorf("the trace of what is missing: %+v", trace)
	}
	trace, err = b.daemon.Trace(b.t.Context(), "<captured@sender.example>")
	must(b.t, err)
	if len(trace.Messages) != 1 || len(trace.Messages[0].Said) != 1 || trace.Messages[0].Said[0].Channel != "delivered" || len(trace.Said) != 0 {
		b.t.Errorf("the trace of what was captured: %+v", trace)
	}
	trace, err = b.daemon.Trace(b.t.Context(), "<kept@sender.example>")
	must(b.t, err)
	if len(trace.Said) != 2 || trace.Said[0].Source == trace.Said[1].Source {
		b.t.Errorf("the trace of what the bridge saw: %+v", trace)
	}
}

// acceptMissing has a person accept what is missing of Bob's, and refuses where nothing is.
func (b *bed) acceptMissing() {
	b.t.Helper()
	var accepted []control.Missing
	must(b.t, b.daemon.Accept(b.t.Context(), "root", []string{"bob@example.com"}, func(m control.Missing) error { accepted = append(accepted, m); return nil }))
	if len(accepted) != 1 || accepted[0].State != "accepted" || accepted[0].Note != "discarded by Sieve; accepted by root" {
		b.t.Errorf("accepted %+v", accepted)
	}
	if err := b.daemon.Accept(b.t.Context(), "root", []string{"carl@example.com"}, nil); err == nil {
		b.t.Error("a mailbox where nothing is missing was accepted")
	}
}
