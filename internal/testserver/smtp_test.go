package testserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"posthouse/internal/testserver/corpus"
)

func startSMTP(t testing.TB, cfg SMTPConfig) *SMTP {
	t.Helper()
	s := NewSMTP(cfg)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

var hello = []byte("Subject: hello\r\n\r\nbody\r\n")

// mustSend sends hello from a@x.example to b@y.example and fails the test if there is no outcome.
func mustSend(t testing.TB, s *SMTP, sender Sender) Result {
	t.Helper()
	r, err := sender.Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, hello)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryMessageArrivesExactly(t *testing.T) {
	s := startSMTP(t, SMTPConfig{})
	senders := map[string]Sender{
		"data": {}, "pipelined": {Pipelined: true}, "bdat": {BDAT: true, Pipelined: true}, "chunks": {BDAT: true, Chunk: 700},
	}
	g := corpus.New(3)
	for _, kind := range corpus.Kinds() {
		m := g.Make(kind, g.Owner, g.Owner, g.Last)
		for name, sender := range senders {
			s.Reset()
			r, err := sender.Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, m.Bytes)
			if err != nil || r.Final.Code != 250 {
				t.Fatalf("%s by %s: %v, %v", kind, name, r.Final, err)
			}
			want := m.Bytes
			if !sender.BDAT && !bytes.HasSuffix(want, []byte("\r\n")) {
				want = append(bytes.Clone(want), "\r\n"...)
			}
			got := s.Received()
			if len(got) != 1 || !bytes.Equal(got[0].Data, want) || got[0].Chunked != sender.BDAT {
				t.Errorf("%s by %s: %d messages, bytes differ", kind, name, len(got))
			}
		}
	}
	if n := s.Violations(); n != 0 {
		t.Errorf("%d violations by our own sender", n)
	}
}

func TestBareLineEndsDoNotEndData(t *testing.T) {
	s := startSMTP(t, SMTPConfig{})
	for _, smuggled := range []string{"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\r\n"} {
		s.Reset()
		msg := []byte("Subject: x\r\n\r\none" + smuggled + "two\r\n")
		r, err := Sender{}.Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, msg)
		if err != nil || !r.Final.OK() {
			t.Fatalf("%q: %v, %v", smuggled, r.Final, err)
		}
		if got := s.Received(); len(got) != 1 || !bytes.Equal(got[0].Data, msg) {
			t.Errorf("%q: %d messages, first %q", smuggled, len(got), got[0].Data)
		}
	}
}

func TestEnvelopeIsRecorded(t *testing.T) {
	s := startSMTP(t, SMTPConfig{Users: map[string]string{"printer": "pw"}, RequireAuth: true})
	sender := Sender{
		Helo: "printer.local", LocalAddr: "127.0.0.25", User: "printer", Password: "pw", Pipelined: true,
		MailParams: "BODY=8BITMIME RET=HDRS", RcptParams: "NOTIFY=NEVER",
	}
	to := []string{"b@y.example", `"odd > quoted"@y.example`}
	r, err := sender.Send(t.Context(), s.Addr(), "", to, hello)
	if err != nil || !r.Final.OK() {
		t.Fatal(r, err)
	}
	e := s.Received()[0]
	if e.From != "" || e.Helo != "printer.local" || e.User != "printer" || !strings.HasPrefix(e.Client, "127.0.0.25:") {
		t.Errorf("%+v", e)
	}
	if !slices.Equal(e.Recipients(), to) || !slices.Equal(e.Args, []string{"BODY=8BITMIME", "RET=HDRS"}) || e.Rcpts[1].Args[0] != "NOTIFY=NEVER" {
		t.Errorf("%+v", e)
	}
	sender.Password = "guess"
	if r := mustSend(t, s, sender); r.Final.Code != 535 {
		t.Errorf("wrong password: %v", r.Final)
	}
	if r := mustSend(t, s, Sender{}); r.Final.Code != 530 {
		t.Errorf("no login: %v", r.Final)
	}
}

func TestStartTLS(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	serverTLS, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	for _, implicit := range []bool{false, true} {
		s := startSMTP(t, SMTPConfig{TLS: serverTLS, RequireTLS: true, Implicit: implicit})
		mustSend(t, s, Sender{TLS: ca.Client(""), Implicit: implicit})
		if got := s.Received(); len(got) != 1 || !got[0].TLS {
			t.Errorf("implicit %v: %+v", implicit, got)
		}
		if implicit {
			continue
		}
		if r := mustSend(t, s, Sender{}); r.Final.Code != 530 {
			t.Errorf("cleartext: %v", r.Final)
		}
		if _, err := (Sender{TLS: ca.Client("other.example")}).Send(t.Context(), s.Addr(), "a@x", []string{"b@y"}, hello); err == nil {
			t.Error("certificate for another name accepted")
		}
	}
}

func TestLMTPAnswersEachRecipient(t *testing.T) {
	s := startSMTP(t, SMTPConfig{LMTP: true, Script: func(call SMTPCall) *Reply {
		if call.Stage == AtBody && call.Arg == "full@y.example" {
			return Refuse(452, "4.2.2 over quota")
		}
		return nil
	}})
	r, err := Sender{LMTP: true, Pipelined: true}.Send(t.Context(), s.Addr(), "a@x.example", []string{"one@y.example", "full@y.example", "two@y.example"}, hello)
	if err != nil || len(r.Finals) != 3 || r.Finals[0].Code != 250 || r.Finals[1].Code != 452 || r.Finals[2].Code != 250 {
		t.Fatalf("%+v, %v", r, err)
	}
	got := s.Received()
	if len(got) != 2 || got[0].Recipients()[0] != "one@y.example" || got[1].Recipients()[0] != "two@y.example" {
		t.Errorf("%+v", got)
	}
	if r := mustSend(t, s, Sender{}); r.Final.Code != 500 {
		t.Errorf("EHLO to LMTP: %v", r.Final)
	}
}

func TestCloudDelivery(t *testing.T) {
	mail := startIMAP(t, IMAPConfig{})
	mail.AddUser("b@y.example", "pw")
	s := startSMTP(t, SMTPConfig{Deliver: mail.DeliverEnvelope, Forget: true})
	if r := mustSend(t, s, Sender{}); !r.Final.OK() {
		t.Fatal(r.Final)
	}
	stored, err := mail.Bytes("b@y.example", "INBOX", 1)
	if err != nil || !bytes.HasSuffix(stored, append([]byte("\r\n"), hello...)) || !bytes.HasPrefix(stored, []byte("Return-Path: <a@x.example>\r\nReceived: ")) {
		t.Errorf("%q, %v", stored, err)
	}
	r, err := Sender{}.Send(t.Context(), s.Addr(), "a@x.example", []string{"nobody@y.example"}, hello)
	if err != nil || r.Final.Code != 451 || s.Accepted() != 1 || len(s.Received()) != 0 {
		t.Errorf("unknown user: %v, %v, %d accepted", r.Final, err, s.Accepted())
	}
}

func TestOutOfOrderCommands(t *testing.T) {
	s := startSMTP(t, SMTPConfig{})
	conn := rawDial(t, s.Addr())
	for _, step := range []struct {
		line string
		want int
	}{
		{"MAIL FROM:<a@x>", 503}, {"RCPT TO:<a@x>", 503}, {"DATA", 503}, {"EHLO", 501}, {"EHLO me", 250}, {"STARTTLS", 502},
		{"AUTH PLAIN", 502}, {"MAIL FROM:a@x", 501}, {"MAIL FROM:<a@x> FOO=BAR", 555}, {"MAIL FROM:<jürgen@x>", 553},
		{"MAIL FROM:<jürgen@x> SMTPUTF8", 250}, {"MAIL FROM:<b@x>", 503}, {"RCPT TO:<>", 501}, {"RCPT TO:<b@y>", 250},
		{"RSET", 250}, {"RCPT TO:<b@y>", 503}, {"NOOP", 250}, {"XYZZY", 500}, {"QUIT", 221},
	} {
		var a Answer
		if err := conn.ask(&a, "%s\r\n", step.line); err != nil || a.Code != step.want {
			t.Fatalf("%s: %v, %v, want %d", step.line, a, err, step.want)
		}
	}
}

func rawDial(t *testing.T, addr string) *dialogue {
	t.Helper()
	conn, err := Sender{}.dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := newDialogue(conn)
	var greeting Answer
	if err := c.read(&greeting); err != nil || !greeting.OK() {
		t.Fatal(greeting, err)
	}
	return c
}

func TestAuthLogin(t *testing.T) {
	s := startSMTP(t, SMTPConfig{Users: map[string]string{"anna": "pw"}})
	conn := rawDial(t, s.Addr())
	for _, step := range []struct {
		line string
		want int
	}{{"EHLO me", 250}, {"AUTH CRAM-MD5", 504}, {"AUTH LOGIN", 334}, {"YW5uYQ==", 334}, {"!!", 501}, {"AUTH LOGIN YW5uYQ==", 334}, {"cHc=", 235}} {
		var a Answer
		if err := conn.ask(&a, "%s\r\n", step.line); err != nil || a.Code != step.want {
			t.Fatalf("%s: %v, %v, want %d", step.line, a, err, step.want)
		}
	}
}

func TestStuff(t *testing.T) {
	for _, tt := range [][2]string{
		{"", ""}, {"a", "a\r\n"}, {".\r\n", "..\r\n"}, {"a\r\n.b\r\n", "a\r\n..b\r\n"}, {"a\n.b\r\n", "a\n.b\r\n"}, {"..\r\n.\r\n", "...\r\n..\r\n"},
	} {
		if got := string(Stuff([]byte(tt[0]))); got != tt[1] {
			t.Errorf("Stuff(%q) = %q, want %q", tt[0], got, tt[1])
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, tt := range []struct {
		arg, addr, params string
		ok                bool
	}{
		{"FROM:<>", "", "", true}, {"from:<a@b> SIZE=1 X", "a@b", "SIZE=1,X", true}, {`FROM:<"a>\"b"@c>`, `"a>\"b"@c`, "", true},
		{"FROM:<a@b", "", "", false}, {"FROM: <a@b>", "", "", false}, {"TO:<a@b>", "", "", false},
	} {
		addr, params, ok := parsePath(tt.arg, "FROM:")
		if addr != tt.addr || strings.Join(params, ",") != tt.params || ok != tt.ok {
			t.Errorf("%s: %q %q %v", tt.arg, addr, params, ok)
		}
	}
}

func BenchmarkSMTP(b *testing.B) {
	s := startSMTP(b, SMTPConfig{Forget: true})
	m := corpus.New(1).Next()
	sender := Sender{Pipelined: true}
	for b.Loop() {
		if _, err := sender.Send(context.Background(), s.Addr(), "a@x.example", []string{"b@y.example"}, m.Bytes); err != nil {
			b.Fatal(err)
		}
	}
}

func TestXOAuth2Login(t *testing.T) {
	s := startSMTP(t, SMTPConfig{RequireAuth: true, Token: func(user, token string) bool { return user == "anna" && token == "good" }})
	conn := rawDial(t, s.Addr())
	response := func(token string) string {
		return base64.StdEncoding.EncodeToString([]byte("user=anna\x01auth=Bearer " + token + "\x01\x01"))
	}
	for _, step := range []struct {
		line string
		want int
	}{
		{"EHLO me", 250}, {"AUTH PLAIN", 504}, {"AUTH XOAUTH2 !!", 501}, {"AUTH XOAUTH2 " + response("bad"), 334}, {"", 535},
		{"AUTH XOAUTH2", 334}, {response("good"), 235}, {"MAIL FROM:<a@x.example>", 250},
	} {
		var a Answer
		if err := conn.ask(&a, "%s\r\n", step.line); err != nil || a.Code != step.want {
			t.Fatalf("%s: %v, %v, want %d", step.line, a, err, step.want)
		}
	}
}

// A lenient server is fooled by each of these, but for those whose dot the sender stuffs; a strict one by none.
func TestLenient(t *testing.T) {
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\n", "\r\n.\n", "\r.\r\n"} {
		for _, lenient := range []bool{false, true} {
			s := startSMTP(t, SMTPConfig{Lenient: lenient})
			smuggled := []byte("one" + end + "MAIL FROM:<evil@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\ntwo\r\n")
			if _, err := (Sender{}).Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, smuggled); err != nil {
				t.Fatal(err)
			}
			s.Stop() // waits for the session
			want := 1
			if lenient && !strings.HasPrefix(end, "\r\n") {
				want = 2
			}
			if s.Accepted() != want {
				t.Errorf("%q, lenient %v: %d messages, want %d", end, lenient, s.Accepted(), want)
			}
		}
	}
	s := startSMTP(t, SMTPConfig{Lenient: true})
	mustSend(t, s, Sender{})
	if got := s.Received(); len(got) != 1 || !bytes.Equal(got[0].Data, hello) {
		t.Errorf("%+v", got)
	}
}
