package logtail

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// sessionID is what Dovecot calls the session of a client that connected so many minutes after noon.
func sessionID(minutes float64, client string) string {
	at := noon.Add(time.Duration(minutes * float64(time.Minute)))
	raw := binary.LittleEndian.AppendUint64(nil, uint64(at.UnixMicro())&(1<<48-1)|46818<<48)
	return base64.StdEncoding.EncodeToString(append(raw, netip.MustParseAddr(client).AsSlice()...))
}

// logoutLine ends a session, so many minutes after noon.
func logoutLine(minutes float64, user, id string) string {
	at := noon.Add(time.Duration(minutes * float64(time.Minute)))
	return fmt.Sprintf("%s mx dovecot: imap(%s)<7><%s>: Disconnected: Logged out in=1 out=2\n", at.Format(time.Stamp), user, id)
}

func ownLoopback(o *Options) { o.Own = []netip.Prefix{netip.MustParsePrefix("127.0.0.25/32")} }

func TestClientOf(t *testing.T) {
	end := time.Date(2026, 11, 23, 18, 59, 5, 0, time.UTC)
	for id, want := range map[string]string{
		"BxfJL/Zg4rZ/AAAB":                  "127.0.0.1", // written by Dovecot 2.3.19
		sessionID(0, "203.0.113.5"):         "203.0.113.5",
		sessionID(0, "2001:db8::7"):         "2001:db8::7",
		sessionID(0, "::ffff:192.0.2.7"):    "192.0.2.7",
		sessionID(-31*24*60, "203.0.113.5"): "invalid IP", // longer ago than a session lasts
		sessionID(31*24*60, "203.0.113.5"):  "invalid IP",
		"BxfJL/Zg4rY=":                      "invalid IP",
		"BxfJL/Zg4rZ/AAA":                   "invalid IP",
		"BxfJL/Zg4rZ/AAABAA==":              "invalid IP",
		"c1":                                "invalid IP",
		"":                                  "invalid IP",
	} {
		if got := clientOf(id, end).String(); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	// Dovecot's count of microseconds goes round every nine years.
	turn := time.UnixMicro(7 << 48).Add(time.Second)
	if id := sessionID(turn.Add(-time.Minute).Sub(noon).Minutes(), "203.0.113.5"); !clientOf(id, turn).IsValid() {
		t.Error("not read across the turn")
	}
}

// Sessions whose logins were never read: use only where the id tells that they were not ours.
func TestLogoutsWithoutALogin(t *testing.T) {
	b := newBench(t, ownLoopback)
	b.write(b.path, logoutLine(-10, "ours", sessionID(-600, "127.0.0.25")), logoutLine(-10, "unknown", "c1"),
		logoutLine(-10, "anna", sessionID(-600, "203.0.113.5")), login(-9.5, "bob"))
	b.poll()
	b.want("bob", span(-10, 0)) // the logins may still come
	b.write(b.path, login(-8, "carol"))
	b.poll()
	b.want("bob carol anna", span(-10, 0))
	o := b.memory.observations[2]
	if o.Open || !o.Until.Equal(noon.Add(-10*time.Minute)) || o.Client != netip.MustParseAddr("203.0.113.5") || o.Detail != "IMAP" || o.Message == "" {
		t.Errorf("anna's session is %+v", o)
	}
}

// In a log that says nothing more they are decided on, too.
func TestLogoutAtTheEndOfALog(t *testing.T) {
	b := newBench(t, ownLoopback, func(o *Options) { o.Beat = time.Hour })
	b.write(b.path, logoutLine(-300, "anna", sessionID(-600, "203.0.113.5")))
	b.poll()
	b.at(0.5)
	b.poll()
	b.want("", span(-300, 0))
	b.at(1.5)
	b.poll()
	b.want("anna", span(-300, 0))
}

// A logout that waits outlives a restart; its login is judged by its address.
func TestLateLoginAfterARestart(t *testing.T) {
	b := newBench(t, ownLoopback)
	ours, users := sessionID(-1, "127.0.0.25"), sessionID(-1, "203.0.113.5")
	b.write(b.path, login(-1, "bob"), logoutLine(0, "anna", ours), logoutLine(0, "carol", users))
	b.poll()
	b.restart()
	late := "%s mx dovecot: imap-login: Login: user=<%s>, method=PLAIN, rip=%s, lip=127.0.0.1, mpid=7, TLS, session=<%s>\n"
	b.write(b.path, fmt.Sprintf(late, noon.Format(time.Stamp), "anna", "127.0.0.25", ours), fmt.Sprintf(late, noon.Format(time.Stamp), "carol", "203.0.113.5", users))
	b.poll()
	b.at(10)
	b.poll()
	b.want("bob carol", span(-1, 10))
	if o := b.memory.observations[1]; o.Open || !o.Until.Equal(noon) {
		t.Errorf("carol's session is %+v", o)
	}
	if n := b.f.Status().Sessions; n != 1 {
		t.Errorf("%d sessions are open, want bob's", n)
	}
}

func TestLogoutsAreBounded(t *testing.T) {
	s := NewState(Config{Source: "log"}, noon)
	for i := range maxLogouts + 10 {
		Parse(logoutLine(0, "anna", fmt.Sprint("s", i)), s)
	}
	if n := s.logouts.len(); n != maxLogouts {
		t.Errorf("%d are kept", n)
	}
}
