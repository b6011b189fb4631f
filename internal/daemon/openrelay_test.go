package daemon_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
)

// tricks are ways to make a server send to outside.example what it should not. Each is a sender and a recipient as they stand after MAIL FROM: and RCPT TO:.
var tricks = [][2]string{
	{"<x@sender.example>", "<x@outside.example>"},
	{"<>", "<x@outside.example>"},                 // null sender
	{"<anna@example.com>", "<x@outside.example>"}, // one of ours, he says
	{"<postmaster>", "<x@outside.example>"},       //
	{"<x@[127.0.0.1]>", "<x@outside.example>"},    //
	{"<x>", "<x@outside.example>"},                // a bare name
	{"<>", "<x%outside.example@example.com>"},     // percent hack
	{"<>", "<x%outside.example>"},                 //
	{"<>", "<x%outside.example@[127.0.0.1]>"},     //
	{"<>", `<"x@outside.example"@example.com>`},   // quoted @
	{"<>", `<"x@outside.example">`},               //
	{"<>", `<x@outside.example@example.com>`},     //
	{"<>", `<x\@outside.example@example.com>`},    //
	{"<>", "<@example.com:x@outside.example>"},    // source route
	{"<>", "<@example.com,@mail.example.com:x@outside.example>"},
	{"<>", "<@outside.example:x@example.com>"},
	{"<>", "<outside.example!x@example.com>"}, // bang path
	{"<>", "<outside.example!x>"},             //
	{"<>", "<example.com!outside.example!x>"}, //
	{"<>", "<x@[192.0.2.1]>"},                 // address literals
	{"<>", "<x@[IPv6:2001:db8::1]>"},          //
	{"<>", "<x@192.0.2.1>"},                   //
	{"<>", "<x@outside.example.>"},            // trailing dots
	{"<>", "<x@outside.example..>"},           //
	{"<>", "<x@example.com.outside.example>"}, // ours within theirs
	{"<>", "<x@example.com@outside.example>"}, //
	{"<>", "<x@OUTSIDE.example>"},             // case
	{"<>", "<nobody+x=outside.example@example.com>"},
	{"<>", "<x@outside.example >"},
	{"<>", "< x@outside.example>"},
	{"<>", "<x@outside.example\t>"},
	{"<>", "<x\t@outside.example>"},
	{"<>", "<x@outside.example\x00@example.com>"}, // NUL
	{"<>", "<x@example.com\x00.outside.example>"},
	{"<>", "<x@\u0435xample.com>"}, // a Cyrillic look-alike
	{"<>", "<x@example\u3002com>"}, // an ideographic full stop
	{"<> SMTPUTF8", "<x@\u0435xample.com>"},
	{"<>", "<x@xn--xample-2of.com>"},
	{"<>", "x@outside.example"},
	{"<>", "<x@outside.example> ORCPT=rfc822;anna@example.com"},
	{"<>", "<SRS0=AAAA=BB=outside.example=x@example.com>"},
	{"<>", "<SRS1=AAAA=example.com==BBBB=CC=outside.example=x@example.com>"},
	{"<> AUTH=anna@example.com", "<x@outside.example>"},
}

// Nobody makes us an open relay: no trick works at any role for those who have no right to send outside, before a login or after one that failed, nor after they said that they are somebody else.
func TestNeverAnOpenRelay(t *testing.T) {
	const rest = "[listeners.devices]\nrole = \"devices\"\naddress = \"127.0.0.1:0\"\nallow = [\"127.0.0.77\"]\n" +
		"[listeners.inside]\nrole = \"devices\"\naddress = \"127.0.0.1:0\"\nallow = [\"127.0.0.0/8\"]\noutside = false\n"
	s := newSubmitBed(t, layout{rest: rest, recipients: "catch_all = { \"@example.com\" = \"carl@example.com\" }\n[recipients.extra]\n\"gone@example.com\" = \"bob@example.com\"\n"})
	s.start()
	prologues := map[string][]string{
		"mx":          {"XCLIENT ADDR=127.0.0.77 LOGIN=anna@example.com", "XFORWARD ADDR=127.0.0.77", "AUTH PLAIN AGFubmFAZXhhbXBsZS5jb20Ab2xkIHNlY3JldA=="},
		"devices":     {"XCLIENT ADDR=127.0.0.77", "PROXY TCP4 127.0.0.77 127.0.0.1 1 25"},
		"inside":      {"XCLIENT ADDR=127.0.0.77"},
		"submission":  {"AUTH PLAIN AGFubmFAZXhhbXBsZS5jb20Ab2xkIHNlY3JldA=="}, // in the clear: the right password
		"submissions": {"XCLIENT LOGIN=anna@example.com", "AUTH PLAIN AGFubmFAZXhhbXBsZS5jb20Ad3Jvbmc=", "AUTH PLAIN AGFubmFAZXhhbXBsZS5jb20A", "AUTH ANONYMOUS YW5uYQ=="},
	}
	for listener, prologue := range prologues {
		for _, trick := range tricks {
			s.trick(listener, prologue, trick)
		}
	}
	s.until("all to go that was taken", func(st control.Status) bool {
		return st.Queue.Due+st.Queue.Sending+st.Queue.InDoubt+st.Queue.Accepted == 0
	})
	for _, e := range append(s.mx.Received(), s.old.Received()...) {
		for _, r := range e.Rcpts {
			if !strings.HasSuffix(r.To, "@example.com") || strings.ContainsAny(r.To, "%!\"") {
				t.Errorf("from %s: it was sent to %s", e.From, r.To)
			}
		}
	}
}

// trick plays one transaction and demands that no recipient is taken that is not a mailbox of ours; who is cut off for what he says has lost.
func (s *submitBed) trick(listener string, prologue []string, trick [2]string) {
	s.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.3")}, Timeout: patience}
	conn, err := dialer.DialContext(s.t.Context(), "tcp", s.at(listener))
	must(s.t, err)
	defer func() { conn.Close() }()
	conn.SetDeadline(time.Now().Add(patience))
	if listener == "submissions" {
		conn = tls.Client(conn, s.ca.Client(""))
	}
	in := bufio.NewReader(conn)
	reply := func() string {
		for {
			line, err := in.ReadString('\n')
			if err != nil || len(line) < 4 || line[3] != '-' {
				return line
			}
		}
	}
	reply()
	said := append(append([]string{"EHLO client.example"}, prologue...), "MAIL FROM:"+trick[0], "RCPT TO:"+trick[1], "DATA")
	var answer string
	for _, line := range said {
		fmt.Fprintf(conn, "%s\r\n", line)
		if answer = reply(); answer == "" {
			return // cut off
		}
	}
	if strings.HasPrefix(answer, "354") {
		fmt.Fprintf(conn, "Subject: %q\r\n\r\nx\r\n.\r\n", trick[1])
		reply()
	}
}
