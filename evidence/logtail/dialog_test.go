package logtail

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestDialogs gives lines to a dialog, "C: " what the client says and "S: " what the server does, and looks at what the replies decide.
func TestDialogs(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name, service string
		lines         []string
		want          string // outcomes, with the user or sender
	}{
		{"AUTH LOGIN", "SMTP", []string{"C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: " + b64("anna@example.com"), "S: 334 UGFzc3dvcmQ6", "C: ***", "S: 235 ok"}, "in anna@example.com"},
		{"AUTH LOGIN with the name", "SMTP", []string{"C: AUTH LOGIN " + b64("anna"), "S: 334 UGFzc3dvcmQ6", "C: " + b64("secret"), "S: 235 ok"}, "in anna"},
		{"AUTH PLAIN", "SMTP", []string{"C: AUTH PLAIN " + b64("\x00anna\x00secret"), "S: 235 ok"}, "in anna"},
		{"AUTH PLAIN in two steps", "SMTP", []string{"C: auth plain", "S: 334 ", "C: " + b64("x\x00anna\x00secret"), "S: 235 ok"}, "in anna"},
		{"masked", "SMTP", []string{"C: AUTH PLAIN ***", "S: 235 ok"}, "in "},
		{"refused", "SMTP", []string{"C: AUTH PLAIN " + b64("\x00anna\x00secret"), "S: 535 no", "C: MAIL FROM:<a@b.example>", "S: 250 ok", "C: DATA", "S: 503 no"}, ""},
		{"cancelled", "SMTP", []string{"C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: *", "S: 501 cancelled", "C: NOOP", "S: 235 strange"}, ""},
		{"a message", "SMTP", []string{"C: MAIL FROM:<a@b.example> SIZE=1", "S: 250 ok", "C: RCPT TO:<x>", "S: 550 no", "C: RCPT TO:<y>", "S: 250 ok", "C: DATA", "S: 354 go", "S: 250 ok"}, "took a@b.example"},
		{"refused after DATA", "SMTP", []string{"C: MAIL FROM:<a@b.example>", "S: 250 ok", "C: DATA", "S: 354 go", "S: 554 spam", "C: QUIT", "S: 221 bye"}, "left over"},
		{"refused at DATA", "SMTP", []string{"C: MAIL FROM:<a@b.example>", "S: 250 ok", "C: DATA", "S: 554 no valid recipients", "C: NOOP", "S: 250 ok"}, ""},
		{"lines of one reply", "SMTP", []string{"C: MAIL FROM:<>", "S: 250-one", "S: 250 ok", "C: BDAT 1", "S: 250 ok", "C: BDAT 1 LAST", "S: 250-2.0.0", "S: 250 ok"}, "took "},
		{"POP", "POP3", []string{"C: USER anna", "S: +OK", "C: PASS ***", "S: +OK 2 messages", "C: QUIT", "S: +OK"}, "in anna left over"},
		{"POP, refused", "POP3", []string{"C: USER anna", "S: +OK", "C: PASS ***", "S: -ERR no"}, ""},
		{"APOP", "POP3", []string{"C: APOP anna 0123", "S: +OK"}, "in anna"},
		{"IMAP", "IMAP", []string{`C: a1 LOGIN "CONTOSO\\anna" "secret"`, "S: * CAPABILITY x", "S: a1 OK done", "C: a2 LOGOUT", "S: * BYE", "S: a2 OK"}, `in CONTOSO\anna left over`},
		{"IMAP, refused", "IMAP", []string{"C: a1 login anna secret", "S: a1 NO wrong"}, ""},
		{"IMAP, AUTHENTICATE", "IMAP", []string{"C: a1 AUTHENTICATE PLAIN", "S: + ", "C: " + b64("\x00anna\x00secret"), "S: a1 OK done"}, "in anna"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := dialog{Service: tt.service, Client: netip.MustParseAddr("203.0.113.4")}
			var got []string
			for _, line := range tt.lines {
				if said, ok := strings.CutPrefix(line, "C: "); ok {
					if d.command(said) {
						got = append(got, "left")
					}
					continue
				}
				switch d.reply(line[len("S: "):]) {
				case loggedIn:
					got = append(got, "in "+d.User)
				case accepted:
					got = append(got, "took "+d.From)
				case over:
					got = append(got, "over")
				}
			}
			if all := strings.Join(got, " "); all != tt.want {
				t.Errorf("%q, want %q", all, tt.want)
			}
		})
	}
}

// TestDialogsSurviveARestart reads a session of which the first half was read by a process that is gone.
func TestDialogsSurviveARestart(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Dialects = []string{HMailServer} })
	for i, text := range []string{
		"SENT: 220 mail.example.com ESMTP", "RECEIVED: EHLO mail.partner.example", "RECEIVED: MAIL FROM:<a@partner.example>", "SENT: 250 OK", "RECEIVED: DATA", "SENT: 354 OK, send.",
		"SENT: 250 Queued (0.031 seconds)",
	} {
		at := noon.Add(time.Duration(i) * time.Second)
		b.clock.now = at
		b.write(b.path, fmt.Sprintf("\"SMTPD\"\t1\t7\t\"%s\"\t\"203.0.113.9\"\t\"%s\"\r\n", at.Format("2006-01-02 15:04:05.000"), text))
		b.restart()
		b.poll()
	}
	if len(b.memory.observations) != 1 || b.memory.observations[0].From != "a@partner.example" || b.memory.observations[0].Sender != "mail.partner.example" {
		t.Errorf("%+v", b.memory.observations)
	}
}

// TestOpenDialogsAreBounded begins more sessions than are remembered, and than are kept across a restart.
func TestOpenDialogsAreBounded(t *testing.T) {
	s := NewState(Config{Source: "log", Dialects: []string{HMailServer}}, noon)
	s.stamps.ref = noon
	for i := range maxDialogs + 100 {
		s.converse(fmt.Sprint(i), dialog{At: noon, Service: "SMTP"})
	}
	s.converse("old", dialog{At: noon.Add(-2 * recentFor), Service: "SMTP"})
	kept := s.snapshot().Dialogs
	if _, newest := kept[fmt.Sprint(maxDialogs+99)]; s.dialogs.len() != maxDialogs || len(kept) != keptDialogs-1 || !newest {
		t.Errorf("%d sessions, %d kept", s.dialogs.len(), len(kept))
	}
}
