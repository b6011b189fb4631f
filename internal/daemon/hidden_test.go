package daemon_test

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// Many names from one private address: who sends from there may not relay any more, is not limited as one client, and status and verdict say that nobody can name him.
func TestHiddenClients(t *testing.T) {
	s := newSubmitBed(t, layout{rest: "[listeners.devices]\nrole = \"devices\"\naddress = \"127.0.0.1:0\"\nallow = [\"127.0.0.77\", \"127.0.0.78\"]\nmax_connections_per_client = 3\n"})
	s.start()
	send := func(from, helo, to string) int {
		r, err := testserver.Sender{LocalAddr: from, Helo: helo}.Send(t.Context(), s.at("devices"), "scanner@example.com", []string{to}, message("by "+helo+" to "+to, "scanner@example.com", to))
		must(t, err)
		return r.Final.Code
	}
	for _, helo := range []string{"a.one.example", "two.example", "three.example", "four.example"} {
		if code := send("127.0.0.77", helo, "x@outside.example"); code != 250 {
			t.Errorf("%s: %d", helo, code)
		}
	}
	if code := send("127.0.0.77", "five.example", "anna@example.com"); code != 250 {
		t.Errorf("the fifth, inside: %d", code)
	}
	for from, want := range map[string]int{"127.0.0.77": 550, "127.0.0.78": 250} {
		if code := send(from, "two.example", "y@outside.example"); code != want {
			t.Errorf("%s: %d", from, code)
		}
	}
	if code := send("127.0.0.77", "six.example", "anna@example.com"); code != 250 {
		t.Errorf("inside: %d", code)
	}
	st := s.status()
	if len(st.Hidden) != 1 || st.Hidden[0].Address != "127.0.0.77" || !slices.ContainsFunc(st.Trouble, func(text string) bool { return strings.Contains(text, "behind 127.0.0.77") }) {
		t.Errorf("%+v, %q", st.Hidden, st.Trouble)
	}
	for _, v := range []evidence.Verdict{st.Server, st.Address} {
		if !slices.ContainsFunc(v.Reasons, func(r evidence.Reason) bool {
			return r.Code == evidence.Hidden && strings.Contains(r.Text, "cannot be named")
		}) {
			t.Errorf("%+v", v.Reasons)
		}
	}
	for from, open := range map[string]int{"127.0.0.77": 5, "127.0.0.78": 3} {
		s.eventually(fmt.Sprint(from, " to have ", open, " connections at one time"), func() bool { return s.connects(from, 5) == open }) // once those before have ended
	}
	s.stop()
	s.start() // it is known again
	s.until("the same", func(st control.Status) bool { return len(st.Hidden) == 1 })
}

// Users of a webmail all come from one address. Who logs in there greets no listener, however often posthouse is started.
func TestUsersOfOneAddressHideNobody(t *testing.T) {
	b := newBed(t, layout{verdict: `required = ["mailboxes"]`, mailboxes: "anna@example.com,,person,cloud\n", rest: oldLogConfig})
	l := newOldLog(b)
	for _, user := range []string{"anna", "bob", "carl", "dora", "emil", "fred"} {
		l.write("imap-login: Login: user=<" + user + ">, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=7, session=<" + user + ">")
	}
	b.start()
	b.untilEvidence("the logins to be read", func(e control.Evidence) bool {
		return slices.ContainsFunc(e.Sources, func(s control.Watched) bool { return s.Name == "dovecot" && s.Week >= 6 })
	})
	b.stop()
	b.start()
	if st := b.status(); len(st.Hidden) > 0 {
		t.Errorf("%+v", st.Hidden)
	}
}

// connects opens connections to the devices listener at one time, and returns how many are greeted.
func (s *submitBed) connects(from string, n int) (greeted int) {
	s.t.Helper()
	for range n {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(s.t.Context(), "tcp", s.at("devices"))
		must(s.t, err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		line, err := bufio.NewReader(conn).ReadString('\n')
		must(s.t, err)
		if strings.HasPrefix(line, "220") {
			greeted++
		}
	}
	return greeted
}
