package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

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
