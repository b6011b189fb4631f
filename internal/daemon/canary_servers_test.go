package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// wholeServers write mail and logins into one log: what each of them says when our test mail and our test login came. %[1]s is the time.
var wholeServers = []struct{ kind, time, mail, login string }{
	{
		"hmailserver", "2006-01-02 15:04:05.000",
		"\"SMTPD\"\t1\t7\t\"%[1]s\"\t\"127.0.0.25\"\t\"SENT: 220 old\"\n\"SMTPD\"\t1\t7\t\"%[1]s\"\t\"127.0.0.25\"\t\"RECEIVED: MAIL FROM:<canary@example.com>\"\n" +
			"\"SMTPD\"\t1\t7\t\"%[1]s\"\t\"127.0.0.25\"\t\"SENT: 250 OK\"\n\"SMTPD\"\t1\t7\t\"%[1]s\"\t\"127.0.0.25\"\t\"RECEIVED: DATA\"\n" +
			"\"SMTPD\"\t1\t7\t\"%[1]s\"\t\"127.0.0.25\"\t\"SENT: 354 OK, send.\"\n\"SMTPD\"\t1\t7\t\"%[1]s\"\t\"127.0.0.25\"\t\"SENT: 250 Queued (0.000 seconds)\"\n",
		"\"IMAPD\"\t1\t8\t\"%[1]s\"\t\"127.0.0.25\"\t\"RECEIVED: 1 login \"bob@example.com\" ***\"\n\"IMAPD\"\t1\t8\t\"%[1]s\"\t\"127.0.0.25\"\t\"SENT: 1 OK LOGIN completed\"\n",
	},
	{
		"mdaemon", "Mon 2006-01-02 15:04:05.000",
		"%[1]s: 05: Accepting SMTP connection from 127.0.0.25:40000 to 127.0.0.1:25\n%[1]s: 02: <-- MAIL FROM:<canary@example.com>\n%[1]s: 03: --> 250 2.1.0 Sender OK\n" +
			"%[1]s: 02: <-- DATA\n%[1]s: 03: --> 354 Enter mail\n%[1]s: 03: --> 250 2.6.0 Ok, message saved\n%[1]s: 02: <-- QUIT\n",
		"%[1]s: 05: Accepting IMAP connection from 127.0.0.25:40001 to 127.0.0.1:143\n%[1]s: 02: <-- 1 LOGIN bob@example.com ***\n%[1]s: 03: --> 1 OK LOGIN completed\n%[1]s: 02: <-- 2 LOGOUT\n",
	},
	{
		"kerio", "[02/Jan/2006 15:04:05]",
		"%[1]s Recv: Queue-ID: 1, Service: SMTP, From: <canary@example.com>, To: <carl@example.com>, Size: 1, Sender-Host: 127.0.0.25, SSL: no\n",
		"%[1]s IMAP: User bob@example.com logged in from 127.0.0.25\n",
	},
	{
		"courier", time.RFC3339,
		"%[1]s old courierd: newmsg,id=07: dns; posthouse (localhost [127.0.0.25])\n%[1]s old courierd: started,id=07,from=<canary@example.com>,module=local,host=carl,addr=<carl>\n",
		"%[1]s old imapd: LOGIN, user=bob@example.com, ip=[127.0.0.25], port=[40002], protocol=IMAP\n",
	},
}

// Test mail must show up in the log of a server that writes mail and logins into one: that logins go on showing up does not hide that mail does not. Courier's log shows it only where Courier
// carries the mail.
func TestCanaryInWholeServers(t *testing.T) {
	var mails atomic.Bool
	mails.Store(true)
	rest := "[evidence.readers]\nkind = \"courier\"\nfile = \"readers.log\"\ntimezone = \"UTC\"\n" +
		"[canary]\nevery = \"3m\"\nwithin = \"3m\"\nto = \"carl@example.com\"\nfrom = \"canary@example.com\"\nlogin = \"bob@example.com\"\n"
	var kinds []string
	for _, s := range wholeServers {
		kinds = append(kinds, s.kind)
		rest += fmt.Sprintf("[evidence.%[1]s]\nkind = \"%[1]s\"\nfile = \"%[1]s.log\"\ntimezone = \"UTC\"\n", s.kind)
	}
	slices.Sort(kinds)
	var b *bed
	write := func(name, form, text string) {
		file, err := os.OpenFile(filepath.Join(b.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		must(t, err)
		defer file.Close()
		_, err = fmt.Fprintf(file, text, b.clock.Now().UTC().Format(form))
		must(t, err)
	}
	l := layout{speed: 60, verdict: "window = \"30m\"\nquiet = \"30m\"\nrequired = [\"mailboxes\"]", rest: rest}
	l.legacy.Hook = func(c testserver.IMAPCall) *testserver.IMAPFault {
		if (c.Command == "LOGIN" || c.Command == "AUTHENTICATE") && c.Stage == testserver.After {
			for _, s := range wholeServers {
				write(s.kind, s.time, s.login)
			}
			write("readers", time.RFC3339, wholeServers[3].login)
		}
		return nil
	}
	b = newBed(t, l)
	b.old.Stop()
	b.old = testserver.NewSMTP(testserver.SMTPConfig{Deliver: func(e *testserver.Envelope) error {
		for _, s := range wholeServers {
			if mails.Load() {
				write(s.kind, s.time, s.mail)
			}
		}
		return b.legacy.DeliverEnvelope(e)
	}})
	must(t, b.old.Start())
	t.Cleanup(b.old.Stop)
	b.start()
	all := slices.Sorted(slices.Values(append(slices.Clone(kinds), "readers")))
	b.untilEvidence("both tests to show up", func(e control.Evidence) bool {
		return slices.Equal(slices.Sorted(slices.Values(ran(e, "mail").Seen)), kinds) && slices.Equal(slices.Sorted(slices.Values(ran(e, "login").Seen)), all)
	})
	mails.Store(false)
	e := b.untilEvidence("no mail to show up", func(e control.Evidence) bool {
		return !slices.ContainsFunc(kinds, func(k string) bool { return !strings.Contains(watched(e, k).Blind, "our own test mail") })
	})
	if w := watched(e, "readers"); w.Blind != "" || w.Week != 0 {
		t.Errorf("%+v", w)
	}
}
