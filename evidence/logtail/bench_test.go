package logtail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
)

// traffic is a log as servers write it: per message eight lines of Postfix and one of Dovecot's, per session two, and rejects.
func traffic(messages int) string {
	var text strings.Builder
	for i := range messages {
		stamp := noon.Add(-24*time.Hour + time.Duration(i)*500*time.Millisecond).Format(time.Stamp)
		id := fmt.Sprintf("%010X", 0x2BC793B8A4+i)
		host := fmt.Sprintf("mail%d.example[203.0.113.%d]", i%300, i%250)
		for _, line := range []string{
			"postfix/smtpd[1684]: connect from " + host,
			"postfix/smtpd[1684]: Anonymous TLS connection established from " + host + ": TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
			"postfix/smtpd[1684]: " + id + ": client=" + host,
			"postfix/cleanup[1690]: " + id + ": message-id=<" + id + "@mail.example>",
			"postfix/qmgr[99]: " + id + ": from=<owner@lists.example>, size=5360, nrcpt=1 (queue active)",
			"dovecot: lmtp(anna@example.com)<9><" + id + ">: msgid=<" + id + "@mail.example>: saved mail to INBOX",
			"postfix/lmtp[1691]: " + id + ": to=<anna@example.com>, relay=mx[private/dovecot-lmtp], delay=0.3, delays=0.2/0.01/0.01/0.08, dsn=2.0.0, status=sent (250 2.0.0 Saved)",
			"postfix/qmgr[99]: " + id + ": removed",
			"postfix/smtpd[1684]: disconnect from " + host + " ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7",
			"dovecot: imap-login: Login: user=<anna@example.com>, method=PLAIN, rip=203.0.113.5, lip=192.0.2.1, mpid=7, TLS, session=<" + id + ">",
			"dovecot: imap(anna@example.com)<7><" + id + ">: Disconnected: Logged out in=32 out=788 deleted=0 expunged=0",
			"postfix/smtpd[8738]: NOQUEUE: reject: RCPT from a.example[1.2.3.4]: 554 5.7.1 <smtp@example.com>: Relay access denied; from=<a@b.example> to=<c@d.example>",
		} {
			text.WriteString(stamp + " mx " + line + "\n")
		}
	}
	return text.String()
}

func BenchmarkParse(b *testing.B) {
	text := traffic(2000)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	b.SetBytes(int64(len(text)) / int64(len(lines)))
	b.ReportAllocs()
	s := NewState(Config{Source: "log"}, noon)
	i := 0
	for b.Loop() {
		if _, r := Parse(lines[i%len(lines)], s); r == Unparsed {
			b.Fatal(lines[i%len(lines)])
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkPoll reads a file as a daemon does that starts beside a log of some weeks; the ledger costs nothing here.
func BenchmarkPoll(b *testing.B) {
	text := traffic(20_000)
	path := filepath.Join(b.TempDir(), "mail.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	log, _ := test.NewNullLogger()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	rounds := 0
	for b.Loop() {
		f, err := New(Options{Config: Config{Source: "log"}, Path: path}, &memory{}, &handClock{now: noon}, log)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Poll(b.Context()); err != nil {
			b.Fatal(err)
		}
		f.close()
		rounds++
	}
	b.ReportMetric(float64(rounds*strings.Count(text, "\n"))/b.Elapsed().Seconds(), "lines/s")
}
