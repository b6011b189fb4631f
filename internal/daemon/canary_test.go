package daemon_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// watched is one source of the evidence.
func watched(e control.Evidence, name string) control.Watched {
	if i := slices.IndexFunc(e.Sources, func(w control.Watched) bool { return w.Name == name }); i >= 0 {
		return e.Sources[i]
	}
	return control.Watched{}
}

func ran(e control.Evidence, kind string) control.CanaryRun {
	if i := slices.IndexFunc(e.Canary.Runs, func(r control.CanaryRun) bool { return r.Kind == kind }); i >= 0 {
		return e.Canary.Runs[i]
	}
	return control.CanaryRun{}
}

// Test mail and test logins show up in the logs, and are no use. A log in which they do not show up any more, although the server works, is blind, what it seemed to cover is taken back,
// and a restart forgets none of it; when they show up again it is believed again.
func TestCanary(t *testing.T) {
	var logging atomic.Bool
	var log oldLog
	logging.Store(true)
	l := layout{
		speed: 60, verdict: "window = \"30m\"\nquiet = \"30m\"\nrequired = [\"mailboxes\"]",
		rest: oldLogConfig + "[evidence.postfix]\nkind = \"postfix\"\nfile = \"dovecot.log\"\n" +
			"[canary]\nevery = \"3m\"\nwithin = \"3m\"\nto = \"carl@example.com\"\nfrom = \"canary@example.com\"\nlogin = \"bob@example.com\"\n",
	}
	l.legacy.Hook = func(c testserver.IMAPCall) *testserver.IMAPFault {
		if (c.Command == "LOGIN" || c.Command == "AUTHENTICATE") && c.Stage == testserver.After && logging.Load() {
			log.write(fmt.Sprintf("imap-login: Login: user=<%s>, method=PLAIN, rip=127.0.0.25, lip=127.0.0.1, mpid=7, session=<s>", c.User))
		}
		return nil
	}
	b := newBed(t, l)
	log = newOldLog(b)
	took := func(id, from string) {
		log.line("postfix/smtpd[7]: " + id + ": client=localhost[127.0.0.25]")
		log.line("postfix/qmgr[7]: " + id + ": from=<" + from + ">, size=1, nrcpt=1 (queue active)")
	}
	b.old.Stop()
	b.old = testserver.NewSMTP(testserver.SMTPConfig{Deliver: func(e *testserver.Envelope) error {
		if logging.Load() {
			took("2BC793B8A4", e.From)
		}
		return b.legacy.DeliverEnvelope(e)
	}})
	must(t, b.old.Start())
	t.Cleanup(b.old.Stop)
	took("2BC793B8A3", "canary@example.com") // by which the log is proved: else it begins with the first test mail, and nothing before a gap is known
	b.start()

	e := b.untilEvidence("both tests to show up", func(e control.Evidence) bool {
		return slices.Equal(ran(e, "mail").Seen, []string{"postfix"}) && slices.Equal(ran(e, "login").Seen, []string{"dovecot"}) && watched(e, "mailboxes").Fresh
	})
	for _, w := range e.Sources {
		if w.Week != 0 || w.Name != "mx" && (!w.Fresh || w.Blind != "") {
			t.Errorf("%+v", w)
		}
	}
	b.eventually("the test mail in the mailbox", func() bool {
		uses := b.evidence().Sources
		return slices.ContainsFunc(uses, func(w control.Watched) bool { return w.Name == "mailboxes" && !w.Contact.IsZero() && w.Week == 0 })
	})

	logging.Store(false)
	lost := func(e control.Evidence) bool {
		return strings.Contains(watched(e, "postfix").Blind, "our own test mail") && strings.Contains(watched(e, "dovecot").Blind, "our own test login")
	}
	e = b.untilEvidence("both logs to be blind", lost)
	if w := watched(e, "postfix"); w.Fresh || len(w.Gaps) == 0 || w.Share >= 1 {
		t.Errorf("%+v", w)
	}
	b.until("a blind verdict", func(s control.Status) bool {
		return s.Server.State == evidence.Blind && !slices.ContainsFunc(s.Trouble, func(x string) bool { return strings.Contains(x, "is blind") }) // the sources tell it
	})
	b.eventually("the alarm", func() bool { return strings.Contains(b.logged.String(), "source postfix is blind: our own test mail") })
	b.stop()
	b.start()
	b.untilEvidence("both logs to be blind after a restart", lost)

	logging.Store(true)
	e = b.untilEvidence("both logs to be believed again", func(e control.Evidence) bool { return watched(e, "postfix").Fresh && watched(e, "dovecot").Fresh })
	if w := watched(e, "postfix"); len(w.Gaps) == 0 || w.Week != 0 {
		t.Errorf("the gap is forgotten: %+v", w)
	}
}

// A canary that cannot be sent is an alarm, and says nothing about the logs.
func TestCanaryThatCannotFly(t *testing.T) {
	b := newBed(t, layout{speed: 60, rest: oldLogConfig + "[canary]\nevery = \"2m\"\nwithin = \"1m\"\nlogin = \"bob@example.com\"\nto = \"carl@example.com\"\nfrom = \"canary@example.com\"\nlistener = \"127.0.0.1:1\"\n"})
	newOldLog(b)
	must(t, b.legacy.SetPassword("bob@example.com", "another"))
	b.old.Stop()
	b.start()
	b.until("the alarms", func(s control.Status) bool {
		return slices.ContainsFunc(s.Trouble, func(x string) bool { return strings.Contains(x, "canary's test login") }) &&
			slices.ContainsFunc(s.Trouble, func(x string) bool { return strings.Contains(x, "canary's test mail") }) &&
			slices.ContainsFunc(s.Trouble, func(x string) bool { return strings.Contains(x, "canary's test listener") })
	})
	b.untilEvidence("the log to be read, and believed", func(e control.Evidence) bool { return watched(e, "dovecot").Blind == "" })
}

// The canary that comes to a listener from another address is proof that the outside reaches it.
func TestCanaryAtTheListener(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at := free.Addr().String()
	must(t, free.Close())
	b := newBed(t, layout{speed: 60, rest: "[canary]\nevery = \"2m\"\nwithin = \"1m\"\nlistener = \"" + at + "\"\n"})
	cfg := b.config()
	mx := cfg.Listeners["mx"]
	mx.Address = at
	cfg.Listeners["mx"] = mx
	d := b.newWith(cfg)
	must(t, d.Start(t.Context()))
	b.daemon = d
	t.Cleanup(b.stop)
	e := b.untilEvidence("the listener to be reached", func(e control.Evidence) bool { return slices.Equal(ran(e, "listener").Seen, []string{"mx"}) })
	if w := watched(e, "mx"); w.Contact.IsZero() || w.Week != 0 {
		t.Errorf("%+v", w)
	}
}

// A log that shows mail and says nothing while mail comes into the mailboxes has stopped, however quiet the house may be; its next line ends that.
func TestALogThatStopped(t *testing.T) {
	b := newBed(t, layout{speed: 300, rest: oldLogConfig})
	log := newOldLog(b)
	b.start()
	b.until("the copy", copied)
	came := func(id string, logged bool) {
		t.Helper()
		_, err := b.legacy.Deliver("anna@example.com", bodyless(id))
		must(t, err)
		if logged {
			log.delivered("anna@example.com", id)
		}
	}
	came("one", true)
	b.untilEvidence("the delivery to be logged", func(e control.Evidence) bool { return !watched(e, "dovecot").LastMail.IsZero() })
	last := watched(b.evidence(), "dovecot").LastLine
	b.until("time to pass", func(s control.Status) bool { return s.At.Sub(last) > 15*60e9 })
	for i := range 3 {
		came(fmt.Sprint("unlogged ", i), false)
	}
	e := b.untilEvidence("the log to be blind", func(e control.Evidence) bool {
		return strings.Contains(watched(e, "dovecot").Blind, "it stopped: mail came")
	})
	if w := watched(e, "dovecot"); len(w.Gaps) == 0 || !w.Gaps[len(w.Gaps)-1].From.Equal(last) {
		t.Errorf("blind since %+v, the last line is of %s", w.Gaps, last)
	}
	came("back", true)
	b.untilEvidence("the log to be believed again", func(e control.Evidence) bool { return watched(e, "dovecot").Fresh })
}
