package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// NotConfigured answers in place of a listener whose role was not set up yet: everybody is told so with a 421 (try again later) and let go. Nobody
// has to guess why nothing listens, and no client takes the state for a final one.
//
// Of the Config it uses Name, Role, Hostname, Sockets or Addr, TLS with ImplicitTLS, and Log.
type NotConfigured struct {
	cfg     Config
	closing chan struct{} // closed by Stop
	slots   chan struct{}
	work    sync.WaitGroup // clients being answered; before them, the sockets

	mu      sync.Mutex
	sockets []net.Listener // none before Start
	stopped bool
}

// greetTimeout bounds the whole stay of a client that is only told to go.
const greetTimeout = 5 * time.Second

// NewNotConfigured opens nothing.
func NewNotConfigured(cfg Config) (*NotConfigured, error) {
	if cfg.Log == nil || cfg.Hostname == "" || len(cfg.Sockets) == 0 && cfg.Addr == "" {
		return nil, errors.New("listener needs a logger, a hostname, and a socket or an address")
	}
	cfg.TLS = withoutTickets(cfg.TLS)
	return &NotConfigured{cfg: cfg, closing: make(chan struct{}), slots: make(chan struct{}, 32)}, nil
}

// Start listens and returns.
func (n *NotConfigured) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets != nil || n.stopped {
		return fmt.Errorf("listener %s was started before", n.cfg.Name)
	}
	sockets, err := n.cfg.listen()
	if err != nil {
		return err
	}
	n.sockets = sockets
	for _, ln := range sockets {
		n.work.Go(func() { n.serve(ln) })
	}
	return nil
}

// serve accepts until the socket is closed. At most 32 clients are answered at one time; the others wait in the backlog.
func (n *NotConfigured) serve(ln net.Listener) {
	for {
		n.slots <- struct{}{}
		raw, err := ln.Accept()
		if err != nil {
			<-n.slots
			if errors.Is(err, net.ErrClosed) {
				return
			}
			n.pause(err)
			continue
		}
		n.work.Go(func() {
			defer func() { <-n.slots }()
			n.answer(raw)
		})
	}
}

// pause waits a second after a failed accept (too many open files, a connection reset in the backlog).
func (n *NotConfigured) pause(err error) {
	n.cfg.Log.WithField(FieldListener, n.cfg.Name).WithError(err).Error("accepting a connection failed, trying again")
	select {
	case <-time.After(time.Second):
	case <-n.closing:
	}
}

func (n *NotConfigured) answer(raw net.Conn) {
	began := time.Now()
	raw.SetDeadline(began.Add(greetTimeout))
	nc := raw
	if n.cfg.ImplicitTLS && n.cfg.TLS != nil {
		nc = tls.Server(raw, n.cfg.TLS)
	}
	fmt.Fprintf(nc, "421 4.3.2 %s %s is not configured here\r\n", n.cfg.Hostname, n.cfg.Role)
	lingeringClose(nc, raw)
	nc.Close()
	n.cfg.Log.WithFields(logrus.Fields{
		FieldListener: n.cfg.Name, FieldRole: string(n.cfg.Role), FieldClient: clientText(addrPort(raw.RemoteAddr())),
		FieldDuration: time.Since(began).Milliseconds(), FieldEnd: EndNotConfigured,
	}).Info(endMessage)
}

// Stop closes the sockets and waits for the clients being answered, five seconds at most whatever ctx says. It may be called again.
func (n *NotConfigured) Stop(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.stopped {
		n.stopped = true
		close(n.closing)
		closeAll(n.sockets)
		closeAll(n.cfg.Sockets) // those of a server that was never started
	}
	n.work.Wait()
	return nil
}
