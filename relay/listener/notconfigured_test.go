package listener

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

func TestNotConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes, log := newPipeNet(), &logCatcher{}
		logger := logrus.New()
		logger.SetOutput(io.Discard)
		logger.AddHook(log)
		n, err := NewNotConfigured(Config{Name: "sub", Role: cutover.Submission, Hostname: "mx.mail.test", Sockets: []net.Listener{pipes}, Log: logger})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		for range 40 { // more than are answered at one time
			k := newTalker(pipes.dial("198.51.100.7:1"))
			if err := k.say("", "421 4.3.2 mx.mail.test submission is not configured here"); err != nil {
				t.Fatal(err)
			}
			k.hungUp(t)
		}
		deaf := pipes.dial("198.51.100.7:2") // reads nothing
		for range 2 {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		deaf.Close()
		if ends := log.ends(); len(ends) != 41 || ends[0][FieldEnd] != EndNotConfigured {
			t.Errorf("%d log lines", len(ends))
		}
	})
}

// failingNet fails to accept once.
type failingNet struct {
	*pipeNet
	failed bool
}

func (f *failingNet) Accept() (net.Conn, error) {
	if !f.failed {
		f.failed = true
		return nil, errors.New("too many open files")
	}
	return f.pipeNet.Accept()
}

func TestNotConfiguredTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, pipes := logrus.New(), newPipeNet()
		logger.SetOutput(io.Discard)
		n, err := NewNotConfigured(Config{Hostname: "mx.mail.test", Sockets: []net.Listener{&failingNet{pipeNet: pipes}}, Log: logger})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		k := newTalker(pipes.dial("198.51.100.7:1"))
		if err := k.say("", "421"); err != nil {
			t.Error(err)
		}
		k.hungUp(t)
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
