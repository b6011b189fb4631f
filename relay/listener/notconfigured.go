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
// Of the Config it uses Name, Role, Hostname, Listener or Addr, TLS with ImplicitTLS, and Log.
type NotConfigured struct {
	cfg     Config
	closing chan struct{} // closed by Stop
	done    chan struct{} // closed when nothing more is accepted
	slots   chan struct{}
	work    sync.WaitGroup

	mu      sync.Mutex
	ln      net.Listener
	stopped bool
}

// greetTimeout bounds the whole stay of a client that is only told to go.
const greetTimeout = 5 * time.Second

// NewNotConfigured opens nothing.
func NewNotConfigured(cfg Config) (*NotConfigured, error) {
	if cfg.Log == nil || cfg.Hostname == "" || cfg.Listener == nil && cfg.Addr == "" {
		return nil, errors.New("listener needs a logger, a hostname, and a socket or an address")
	}
	cfg.TLS = withoutTickets(cfg.TLS)
	return &NotConfigured{cfg: cfg, closing: make(chan struct{}), done: make(chan struct{}), slots: make(chan struct{}, 32)}, nil
}

// Start listens and returns.
func (n *NotConfigured) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ln != nil || n.stopped {
		return fmt.Errorf("listener %s was started before", n.cfg.Name)
	}
	ln, err := n.cfg.listen()
	if err != nil {
		return err
	}
	n.ln = ln
	go n.serve(ln)
	return nil
}

// serve accepts until the socket is closed. At most 32 clients are answered at one time; the others wait in the backlog.
func (n *NotConfigured) serve(ln net.Listener) {
	defer close(n.done)
	for {
		n.slots <- struct{}{}
		raw, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			<-n.slots
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

// Addr is the address listened on, nil before Start.
func (n *NotConfigured) Addr() net.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ln == nil {
		return nil
	}
	return n.ln.Addr()
}

// Done is closed when no more connections are accepted.
func (n *NotConfigured) Done() <-chan struct{} { return n.done }

// Stop closes the socket and waits for the clients being answered, five seconds at most whatever ctx says. It may be called again.
func (n *NotConfigured) Stop(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.stopped {
		n.stopped = true
		close(n.closing)
		n.close()
	}
	<-n.done
	n.work.Wait()
	return nil
}

func (n *NotConfigured) close() {
	if n.ln != nil {
		n.ln.Close()
		return
	}
	close(n.done)
	if n.cfg.Listener != nil {
		n.cfg.Listener.Close()
	}
}
