package listener

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stopping calls Stop on a goroutine of its own and returns the result's channel.
func (b *bed) stopping(ctx context.Context) <-chan error {
	result := make(chan error, 1)
	go func() { result <- b.srv.Stop(ctx) }()
	synctest.Wait()
	return result
}

func (b *bed) talk(from string) *talker {
	b.Helper()
	k := newTalker(b.net.dial(from))
	if err := k.say("EHLO client.test\r\n", "220", "250"); err != nil {
		b.Fatal(err)
	}
	return k
}

// must fails the test on an error of say.
func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// hungUp wants the server to have closed the connection without another word.
func (k *talker) hungUp(t *testing.T) {
	t.Helper()
	if line, more := <-k.replies; more {
		t.Errorf("reply %q after the end", line)
	}
	k.conn.Close()
}

func TestStopTellsIdleClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		k := b.talk("198.51.100.7:1")
		start := time.Now()
		result := b.stopping(t.Context())
		b.must(k.say("", "421 4.3.2"))
		k.hungUp(t)
		b.must(<-result)
		if time.Since(start) != 0 {
			t.Errorf("took %v", time.Since(start))
		}
		if end := b.log.ends()[0][FieldEnd]; end != EndShutdown {
			t.Errorf("end = %v", end)
		}
		b.stop()
	})
}

func TestStopLetsTransactionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		data, chunks := b.talk("198.51.100.7:1"), b.talk("198.51.100.8:1")
		b.must(data.say("MAIL FROM:<a@client.test>\r\n", "250"))
		b.must(chunks.say(envelopeCommands+"BDAT 3\r\nabc", "250", "250", "250"))
		result := b.stopping(t.Context())
		b.must(data.say("RCPT TO:<b@mail.test>\r\n", "250"))
		b.must(data.say("DATA\r\n", "354"))
		b.must(data.say("hello\r\n.\r\n", "250", "421 4.3.2"))
		b.must(chunks.say("BDAT 3 LAST\r\ndef", "250", "421 4.3.2"))
		data.hungUp(t)
		chunks.hungUp(t)
		b.must(<-result)
		if n := len(b.intake.messages()); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
		b.stop()
	})
}

// A client that pipelines for ever must not keep the server from stopping.
func TestStopEndsBetweenPipelinedTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.intake.gate, b.intake.waiting = make(chan struct{}), make(chan struct{}, 1)
		k := b.talk("198.51.100.7:1")
		one := envelopeCommands + "BDAT 2 LAST\r\nhi"
		b.must(k.say(one + one))
		<-b.intake.waiting
		result := b.stopping(t.Context())
		b.intake.gate <- struct{}{}
		b.must(k.say("", "250", "250", "250", "421 4.3.2"))
		k.hungUp(t)
		b.must(<-result)
		if n := len(b.intake.messages()); n != 1 {
			t.Errorf("%d messages, want 1", n)
		}
		b.stop()
	})
}

func TestStopCutsWhenItsTimeIsUp(t *testing.T) {
	for name, begin := range map[string]string{
		"mail": "MAIL FROM:<a@client.test>\r\n",
		"data": envelopeCommands + "DATA\r\nhello\r\n",
		"bdat": envelopeCommands + "BDAT 100 LAST\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t)
				k := b.talk("198.51.100.7:1")
				b.must(k.say(begin))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				result := b.stopping(ctx)
				for line := range k.replies {
					if strings.HasPrefix(line, "421 4.3.2") {
						break
					}
				}
				k.hungUp(t)
				b.must(<-result)
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("took %v", took)
				}
				if n := len(b.intake.messages()); n != 0 {
					t.Errorf("%d messages, want none", n)
				}
				b.stop()
			})
		})
	}
}

func TestStopWaitsForCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.intake.gate, b.intake.waiting = make(chan struct{}), make(chan struct{}, 1)
		k := b.talk("198.51.100.7:1")
		b.must(k.say(envelopeCommands+"DATA\r\n", "250", "250", "354"))
		b.must(k.say("hello\r\n.\r\n"))
		<-b.intake.waiting
		result := b.stopping(t.Context())
		b.intake.gate <- struct{}{}
		b.must(k.say("", "250", "421"))
		k.hungUp(t)
		b.must(<-result)
		b.stop()
	})
}

// A commit that obeys its context ends with it; the client learns that the message was not taken.
func TestStopCancelsCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.intake.gate, b.intake.waiting = make(chan struct{}), make(chan struct{}, 1)
		k := b.talk("198.51.100.7:1")
		b.must(k.say(envelopeCommands+"DATA\r\n", "250", "250", "354"))
		b.must(k.say("hello\r\n.\r\n"))
		<-b.intake.waiting
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		result := b.stopping(ctx)
		b.must(k.say("", "451", "421"))
		k.hungUp(t)
		b.must(<-result)
		b.stop()
	})
}

// stuckIntake does not obey its context.
type stuckIntake struct {
	*memIntake
	free chan struct{}
}

type stuckMessage struct {
	Message
	free chan struct{}
}

func (in stuckIntake) Begin(ctx context.Context, s Session, e Envelope) (Message, error) {
	m, err := in.memIntake.Begin(ctx, s, e)
	return stuckMessage{m, in.free}, err
}

func (m stuckMessage) Commit(ctx context.Context) (string, error) {
	<-m.free
	return m.Message.Commit(ctx)
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		b := newBed(t, func(c *Config) { c.Intake = stuckIntake{c.Intake.(*memIntake), free} })
		k := b.talk("198.51.100.7:1")
		b.must(k.say(envelopeCommands+"DATA\r\n", "250", "250", "354"))
		b.must(k.say("hello\r\n.\r\n"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := b.srv.Stop(ctx); err == nil {
			t.Error("Stop hides that a session did not end")
		}
		if took := time.Since(start); took != time.Second+abortGrace {
			t.Errorf("took %v", took)
		}
		close(free)
		k.hungUp(t)
	})
}

func TestStopAgainAndEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.must(b.srv.Stop(t.Context()))
		b.must(b.srv.Stop(t.Context()))
		<-b.srv.Done()
		if err := b.srv.Start(); err == nil {
			t.Error("started after Stop")
		}

		early, err := New(Config{Hostname: "h", Sockets: []net.Listener{newPipeNet(), newPipeNet()}, Intake: b.intake, Log: b.srv.cfg.Log})
		b.must(err)
		if early.Addrs() != nil {
			t.Error("an address before Start")
		}
		b.must(early.Stop(t.Context()))
		<-early.Done()
		for _, ln := range early.cfg.Sockets {
			if _, err := ln.Accept(); err == nil {
				t.Error("a socket handed over was left open")
			}
		}
	})
}
