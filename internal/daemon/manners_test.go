package daemon_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// refusing is a server that refuses one recipient, after the dot where it is the only one.
func refusing(stage testserver.Stage, code int, text string) testserver.SMTPConfig {
	return testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == stage {
			return testserver.Refuse(code, text)
		}
		return nil
	}}
}

// What SMTP refuses for its size goes into the mailboxes, once into each.
func TestRescuedIntoTheMailbox(t *testing.T) {
	b := newBed(t, layout{mx: refusing(testserver.AtBody, 552, "5.3.4 Message size exceeds fixed maximum message size")})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com", "bob@example.com")
	s := b.until("both to be in their mailboxes", settled(2))
	b.once(b.cloud, "anna@example.com", msg)
	b.once(b.cloud, "bob@example.com", msg)
	if s.Queue.Held != 0 || b.mx.Accepted() != 0 || !strings.Contains(b.logged.String(), "as SMTP refused it") {
		t.Errorf("%+v", s.Queue)
	}
}

// What SMTP refuses as spam is kept and counted; it is in no mailbox, in no list, and no open work.
func TestSpamIsQuiet(t *testing.T) {
	b := newBed(t, layout{mx: refusing(testserver.AtBody, 550, "5.7.1 Message rejected as spam by Content Filtering.")})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("it to be kept", func(s control.Status) bool { return s.Queue.Quiet == 1 })
	if s.Queue.Held != 0 || len(s.Queue.Waiting) != 0 || strings.Contains(b.logged.String(), "held") {
		t.Errorf("%+v", s.Queue)
	}
	if found := b.holding(b.cloud, "anna@example.com", msg); len(found) != 0 {
		t.Errorf("it lies in %v", found)
	}
	for _, reason := range s.Server.Reasons {
		if reason.Code == "held" || reason.Code == "unsettled" {
			t.Errorf("it is open work: %+v", reason)
		}
	}
}

// A rescue may be switched off.
func TestNoRescue(t *testing.T) {
	b := newBed(t, layout{mx: refusing(testserver.AtBody, 552, "5.3.4 Message size exceeds fixed maximum message size"), relay: "rescue = false"})
	b.start()
	b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("it to be held", func(s control.Status) bool { return s.Queue.Held == 1 })
	if w := s.Queue.Waiting[0]; w.Class != "too-large" || w.Remedy == "" {
		t.Errorf("%+v", w)
	}
}

// What a sender asked for about notifications goes on as it came, and to the old server's copy NEVER. It is offered once it is known that it does.
func TestNotificationsArePassedOn(t *testing.T) {
	b := newBed(t, layout{to: "to = [\"home:smtp\"]\ntee = true"})
	b.start()
	c, err := net.Dial("tcp", b.listener())
	must(t, err)
	defer c.Close()
	in := bufio.NewReader(c)
	say := func(line, want string) {
		t.Helper()
		if line != "" {
			_, err := fmt.Fprintf(c, "%s\r\n", line)
			must(t, err)
		}
		for {
			reply, err := in.ReadString('\n')
			must(t, err)
			if reply[3] == ' ' {
				if !strings.HasPrefix(reply, want) {
					t.Fatalf("%s: %s", line, reply)
				}
				return
			}
		}
	}
	say("", "220")
	say("EHLO pc.example", "250")
	say("MAIL FROM:<x@sender.example> RET=HDRS", "555")
	b.send("first", "y@sender.example", "anna@example.com")
	b.until("the first to arrive", settled(1))
	b.eventually("its copy", func() bool { return b.old.Accepted() == 1 })
	say("EHLO pc.example", "250")
	say("MAIL FROM:<x@sender.example> RET=HDRS ENVID=a+2Bb", "250")
	say("RCPT TO:<anna@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;anna+2Bnews@example.com", "250")
	say("DATA", "354")
	say("Message-ID: <dsn@sender.example>\r\nFrom: x@sender.example\r\n\r\nhello\r\n.", "250")
	b.until("it to arrive", settled(2))
	b.eventually("the copy", func() bool { return b.old.Accepted() == 2 })
	e, tee := b.mx.Received()[1], b.old.Received()[1]
	if args := fmt.Sprint(e.Args, e.Rcpts[0].Args); !strings.Contains(args, "RET=HDRS ENVID=a+2Bb") || !strings.Contains(args, "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;anna+2Bnews@example.com") {
		t.Errorf("to the cloud: %s", args)
	}
	if args := fmt.Sprint(tee.Args, tee.Rcpts[0].Args); tee.From != "" || strings.Contains(args, "RET") || !strings.Contains(args, "NOTIFY=NEVER") || strings.Contains(args, "ORCPT") {
		t.Errorf("to the old server: <%s> %s", tee.From, args)
	}
}

// A next hop without DSN: nobody is promised notifications, unless we send them.
func TestNotificationsAreOfferedWhereTheyAreSent(t *testing.T) {
	for relay, offered := range map[string]bool{"": false, "notifications = true": true} {
		b := newBed(t, layout{relay: "retry = [\"1s\"]\n" + relay, mx: testserver.SMTPConfig{Without: []string{"DSN"}}})
		b.start()
		b.send("first", "y@sender.example", "anna@example.com")
		b.until("it to arrive", settled(1))
		c, err := smtp.Dial(b.listener())
		must(t, err)
		if got, _ := c.Extension("DSN"); got != offered {
			t.Errorf("with %q DSN is offered: %t", relay, got)
		}
		must(t, c.Quit())
		b.stop()
	}
}

// An internationalised sender is taken and passed on as it is.
func TestInternationalisedMail(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	c, err := smtp.Dial(b.listener())
	must(t, err)
	defer c.Close()
	must(t, c.Mail("größe@sender.example", &smtp.MailOptions{UTF8: true, Body: smtp.Body8BitMIME}))
	must(t, c.Rcpt("anna@example.com", nil))
	w, err := c.Data()
	must(t, err)
	_, err = w.Write([]byte("Message-ID: <utf8@sender.example>\r\nSubject: Größe\r\n\r\nhello\r\n"))
	must(t, err)
	must(t, w.Close())
	b.until("it to arrive", settled(1))
	e := b.mx.Received()[0]
	if e.From != "größe@sender.example" || !strings.Contains(fmt.Sprint(e.Args), "SMTPUTF8") || !bytes.Contains(e.Data, []byte("with UTF8SMTP id")) || !bytes.Contains(e.Data, []byte("Subject: Größe\r\n")) {
		t.Errorf("from %s, %v:\n%s", e.From, e.Args, e.Data)
	}
}
