package logtail

import (
	"testing"
	"time"

	"posthouse/evidence"
)

// A session is found by its place also after a restart, when only the ledger knows of it.
func TestPlacesAfterARestart(t *testing.T) {
	for begin, end := range map[string]string{
		"Nov 23 11:00:00 mx cyrus/imap[7]: login: [203.0.113.5] anna PLAIN User logged in SESSIONID=<old-mx-1795853195-7-1-14>": "Nov 23 12:00:00 mx cyrus/imap[7]: USAGE anna user: 0.1 sys: 0.1",
		"Nov 23 11:00:00 mx imap[7]: login: [203.0.113.5] anna PLAIN User logged in":                                            "Nov 23 12:00:00 mx imap[7]: starttls: TLSv1.3",
	} {
		before, after := NewState(Config{Source: "log"}, noon), NewState(Config{Source: "log"}, noon)
		e, _ := Parse(begin, before)
		for _, o := range e.Use {
			after.reopen(o)
		}
		e, r := Parse(end, after)
		if r != Parsed || len(e.Use) != 1 || e.Use[0].Sender != "anna" || e.Use[0].Until.Sub(e.Use[0].At) != time.Hour {
			t.Errorf("%s: %v %+v", end, r, e)
		}
	}
}

// A session of Cyrus whose end nothing told lasts a day; Dovecot tells of every end.
func TestForgottenSessions(t *testing.T) {
	s := NewState(Config{Source: "log"}, noon)
	var use []evidence.Observation
	for _, line := range []string{
		"Nov 22 11:00:00 mx dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=203.0.113.5, session=<b>",
		"Nov 22 11:00:00 mx cyrus/imap[7]: login: [203.0.113.5] anna PLAIN User logged in SESSIONID=<mx-1795853195-7-1-14>",
		"Nov 22 11:00:02 mx cyrus/imap[8]: login: [203.0.113.5] carl PLAIN User logged in SESSIONID=<mx-1795853195-8-1-14>",
	} {
		e, _ := Parse(line, s)
		use = append(use, e.Use...)
	}
	due := use[1].At.Add(cyrusLasts)
	if got := s.forgotten(due); len(got) != 0 {
		t.Errorf("too early: %+v", got)
	}
	got := s.forgotten(due.Add(time.Second))
	if len(got) != 1 || got[0].Sender != "anna" || !got[0].Until.Equal(due) || s.sessions.len() != 2 {
		t.Errorf("%+v, %d sessions", got, s.sessions.len())
	}
}
