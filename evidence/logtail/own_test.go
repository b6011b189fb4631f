package logtail

import (
	"testing"
	"time"

	"posthouse/ledger"
)

// TestOwnMailAndLoginsAreToldApart reads a server's log that shows both, over a restart; what earlier versions kept stands for both, but for no mail of Courier.
func TestOwnMailAndLoginsAreToldApart(t *testing.T) {
	b := newBench(t, ownLoopback, func(o *Options) { o.Dialects = []string{Kerio} })
	line := func(minutes float64, text string) string {
		return noon.Add(time.Duration(minutes*float64(time.Minute))).Format("[02/Jan/2006 15:04:05] ") + text + "\n"
	}
	b.write(b.path, line(0, "Recv: Queue-ID: 1, Service: SMTP, From: <t@example.com>, To: <c@example.com>, Size: 1, Sender-Host: 127.0.0.25"))
	b.poll()
	b.write(b.path, line(1, "IMAP: User bob@example.com logged in from 127.0.0.25"))
	b.at(1)
	b.poll()
	b.restart()
	b.poll()
	if own := b.f.Status().OwnBy; !own.Mail[Kerio].Equal(noon) || !own.Logins[Kerio].Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", own)
	}

	p, err := readPosition(ledger.Offset{Source: "log", Position: `{"state":{"own_by":{"courier":"2026-11-23T12:00:00Z","postfix":"2026-11-23T12:00:00Z"}}}`})
	if err != nil {
		t.Fatal(err)
	}
	s := NewState(Config{Source: "log"}, noon)
	s.restore(p.State)
	if own := s.ownBy; !own.Mail[Courier].IsZero() || !own.Logins[Courier].Equal(noon) || !own.Mail[Postfix].Equal(noon) || !own.Logins[Postfix].Equal(noon) {
		t.Errorf("%+v", own)
	}
}
