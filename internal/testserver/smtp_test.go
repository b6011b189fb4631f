package testserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestScriptedReplies(t *testing.T) {
	tests := []struct {
		stage Stage
		reply Reply
		want  int
		kept  int
	}{
		{AtConnect, Reply{Code: 554, Text: "go away", Close: true}, 554, 0},
		{AtHelo, Reply{Code: 421, Text: "busy", Close: true}, 421, 0},
		{AtMail, Reply{Code: 451, Text: "4.7.500 Server busy"}, 451, 0},
		{AtRcpt, Reply{Code: 550, Text: "5.1.1 no such user"}, 550, 0},
		{AtData, Reply{Code: 452, Text: "4.3.1 full"}, 452, 0},
		{AtBody, Reply{Code: 554, Text: "5.7.1 spam"}, 554, 0},
		{AtBody, Reply{Code: 451, Text: "4.0.0 lied", Accept: true}, 451, 1},
		{AtBody, Reply{Code: 250, Text: "2.6.0 fine\nand more"}, 250, 1},
		{AtBody, Reply{Accept: true}, 250, 1},
		{AtBody, Reply{Delay: time.Millisecond}, 250, 1},
	}
	for _, tt := range tests {
		s := startSMTP(t, SMTPConfig{Script: func(call SMTPCall) *Reply {
			if call.Stage == tt.stage {
				return &tt.reply
			}
			return nil
		}})
		for _, sender := range []Sender{{}, {Pipelined: true}, {BDAT: true}} {
			if sender.BDAT && tt.stage == AtData {
				continue
			}
			s.Reset()
			if r := mustSend(t, s, sender); r.Final.Code != tt.want || s.Accepted() != tt.kept {
				t.Errorf("%s %+v %+v: %v, %d kept", tt.stage, tt.reply, sender, r.Final, s.Accepted())
			}
		}
	}
}

func TestPerRecipientReplies(t *testing.T) {
	s := startSMTP(t, SMTPConfig{Script: func(call SMTPCall) *Reply {
		if call.Stage == AtRcpt && strings.HasPrefix(call.Arg, "gone") {
			return Refuse(550, "5.1.1 gone")
		}
		return nil
	}})
	for _, sender := range []Sender{{}, {Pipelined: true}, {BDAT: true, Pipelined: true}} {
		s.Reset()
		r, err := sender.Send(t.Context(), s.Addr(), "a@x.example", []string{"one@y.example", "two@y.example", "gone@y.example"}, hello)
		if err != nil || r.Rcpts[2].Code != 550 || r.Final.Code != 250 {
			t.Fatalf("%+v: %+v, %v", sender, r, err)
		}
		if got := s.Received()[0].Recipients(); !slices.Equal(got, []string{"one@y.example", "two@y.example"}) {
			t.Errorf("%+v: %v", sender, got)
		}
		r, err = sender.Send(t.Context(), s.Addr(), "a@x.example", []string{"gone@y.example"}, hello)
		if err != nil || r.Final.Code/100 != 5 || s.Accepted() != 1 {
			t.Errorf("%+v: all refused: %+v, %v", sender, r, err)
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

func TestAcceptedButReplyLost(t *testing.T) {
	for _, accept := range []bool{true, false} {
		s := startSMTP(t, SMTPConfig{Script: func(call SMTPCall) *Reply {
			if call.Stage == AtBody {
				return &Reply{Drop: true, Accept: accept}
			}
			return nil
		}})
		r, err := Sender{}.Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, hello)
		if !errors.Is(err, io.EOF) || r.Data.Code != 354 {
			t.Errorf("accept %v: %+v, %v", accept, r, err)
		}
		if want := map[bool]int{true: 1, false: 0}[accept]; s.Accepted() != want {
			t.Errorf("accept %v: %d kept", accept, s.Accepted())
		}
	}
}

func TestUnfinishedMessagesAreNotTaken(t *testing.T) {
	s := startSMTP(t, SMTPConfig{})
	for _, sender := range []Sender{{Unfinished: true}, {Unfinished: true, BDAT: true}} {
		if _, err := sender.Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, hello); !errors.Is(err, ErrUnfinished) {
			t.Errorf("%+v: %v", sender, err)
		}
	}
	s.Stop() // waits for the sessions
	if n := s.Accepted(); n != 0 {
		t.Errorf("%d messages taken", n)
	}
}

func TestStallLastsUntilTheClientGivesUp(t *testing.T) {
	s := startSMTP(t, SMTPConfig{Script: func(call SMTPCall) *Reply {
		if call.Stage == AtBody {
			return &Reply{Stall: true, Accept: true}
		}
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		if _, err := s.Wait(t.Context(), 1); err != nil {
			t.Error(err)
		}
	}()
	if _, err := (Sender{}).Send(ctx, s.Addr(), "a@x.example", []string{"b@y.example"}, hello); err == nil {
		t.Error("a stalled server answered")
	}
}

func TestStopEndsDelaysAndStalls(t *testing.T) {
	for _, reply := range []Reply{{Stall: true}, {Delay: time.Hour}} {
		reached := make(chan struct{})
		s := startSMTP(t, SMTPConfig{Script: func(call SMTPCall) *Reply {
			if call.Stage == AtMail {
				close(reached)
				return &reply
			}
			return nil
		}})
		var sending sync.WaitGroup
		sending.Go(func() {
			if _, err := (Sender{}).Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, hello); err == nil {
				t.Errorf("%+v: answered", reply)
			}
		})
		<-reached
		s.Stop()
		sending.Wait()
	}
}

func TestConnectionLimit(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := startSMTP(t, SMTPConfig{MaxConns: 1, Script: func(call SMTPCall) *Reply {
		if call.Stage == AtMail && call.Arg == "first@x.example" {
			close(inside)
			<-release
		}
		return nil
	}})
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := (Sender{}).Send(t.Context(), s.Addr(), "first@x.example", []string{"b@y.example"}, hello); err != nil {
			t.Error(err)
		}
	})
	<-inside
	if r := mustSend(t, s, Sender{}); r.Final.Code != 421 {
		t.Errorf("second connection: %v", r.Final)
	}
	close(release)
	first.Wait()
	if s.Peak() != 1 || s.Connections() != 2 {
		t.Errorf("peak %d of %d", s.Peak(), s.Connections())
	}
}

func TestHiddenExtensionsAreRefused(t *testing.T) {
	tests := []struct {
		without string
		sender  Sender
		want    int
	}{
		{"8BITMIME", Sender{MailParams: "BODY=8BITMIME"}, 555},
		{"SIZE", Sender{MailParams: "SIZE=10"}, 555},
		{"DSN", Sender{RcptParams: "NOTIFY=NEVER"}, 555},
		{"REQUIRETLS", Sender{MailParams: "REQUIRETLS"}, 555},
		{"CHUNKING", Sender{BDAT: true}, 501},
		{"PIPELINING", Sender{Pipelined: true}, 503},
		{"EHLO", Sender{}, 500},
	}
	for _, tt := range tests {
		s := startSMTP(t, SMTPConfig{Without: []string{tt.without}})
		if r := mustSend(t, s, tt.sender); r.Final.Code != tt.want || s.Accepted() != 0 {
			t.Errorf("%s: %v", tt.without, r.Final)
		}
		if strings.Contains(mustSend(t, s, Sender{}).Hello.Text, tt.without) {
			t.Errorf("%s is announced", tt.without)
		}
		if r := mustSend(t, s, Sender{Plain: true}); !r.Final.OK() {
			t.Errorf("HELO without %s: %v", tt.without, r.Final)
		}
	}
}

func TestSizeLimit(t *testing.T) {
	s := startSMTP(t, SMTPConfig{MaxSize: int64(len(hello))})
	for _, tt := range []struct {
		sender Sender
		extra  string
		want   int
	}{
		{Sender{}, "", 250}, {Sender{}, "x\r\n", 552}, {Sender{BDAT: true}, "x\r\n", 552},
		{Sender{MailParams: "SIZE=9999"}, "", 552}, {Sender{MailParams: fmt.Sprintf("SIZE=%d", len(hello))}, "", 250},
	} {
		r, err := tt.sender.Send(t.Context(), s.Addr(), "a@x.example", []string{"b@y.example"}, append(bytes.Clone(hello), tt.extra...))
		if err != nil || r.Final.Code != tt.want {
			t.Errorf("%+v: %v, %v", tt, r.Final, err)
		}
	}
}

func TestRefusedChunkSpoilsTheRest(t *testing.T) {
	s := startSMTP(t, SMTPConfig{Script: func(call SMTPCall) *Reply {
		if call.Stage == AtChunk {
			return Refuse(452, "4.3.1 full")
		}
		return nil
	}})
	if r := mustSend(t, s, Sender{BDAT: true, Chunk: 5}); r.Final.Code != 452 || s.Accepted() != 0 {
		t.Errorf("%v, %d kept", r.Final, s.Accepted())
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

func TestWaitAndRestart(t *testing.T) {
	s := startSMTP(t, SMTPConfig{})
	mustSend(t, s, Sender{})
	addr := s.Addr()
	s.Stop()
	if _, err := (Sender{}).Send(t.Context(), addr, "a@x.example", []string{"b@y.example"}, hello); err == nil {
		t.Error("sent to a stopped server")
	}
	if err := s.Start(); err != nil || s.Addr() != addr {
		t.Fatal(s.Addr(), addr, err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if got, err := s.Wait(t.Context(), 2); err != nil || len(got) != 2 {
			t.Error(len(got), err)
		}
	})
	mustSend(t, s, Sender{})
	waiting.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Wait(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for what never comes: %v", err)
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
