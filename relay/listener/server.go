package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
)

// Server is one SMTP listener, on one socket or several: its limits hold for all of them together. Its methods may be called from any goroutine.
type Server struct {
	cfg    Config
	reg    *registry
	work   *tally
	lobby  *lobby
	smtp   *smtp.Server
	ctx    context.Context // of all sessions
	cancel context.CancelFunc

	accepting sync.WaitGroup
	dialogs   sync.WaitGroup // go-smtp's loop
	done      chan struct{}  // closed when a socket takes no more connections
	doneOnce  sync.Once
	stopOnce  sync.Once
	stopErr   error

	mu      sync.Mutex
	sockets []net.Listener // none before Start
	stopped bool
}

// New checks the configuration. It opens nothing.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, work: newTally(), done: make(chan struct{})}
	s.reg, s.lobby = newRegistry(&s.cfg.Limits), newLobby(s)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.smtp = s.engine()
	return s, nil
}

// engine is go-smtp with everything off that the wrapper does itself: deadlines, TLS, line lengths.
func (s *Server) engine() *smtp.Server {
	e := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{conn: c.Conn().(*conn), work: s.work}, nil
	}))
	e.Domain = s.cfg.Hostname
	e.ErrorLog = errorLog{s.cfg.Log.WithField(FieldListener, s.cfg.Name)}
	e.MaxLineLength = 0
	e.MaxMessageBytes = 0 // while it works at a message it would forget that; see forget
	e.EnableDSN = true
	e.EnableSMTPUTF8 = s.cfg.SMTPUTF8
	e.EnableREQUIRETLS = s.cfg.RequireTLS != nil
	return e
}

// Start listens and returns; an address that cannot be listened on is a *net.OpError. Connections are served until Stop.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sockets != nil || s.stopped {
		return fmt.Errorf("listener %s was started before", s.cfg.Name)
	}
	sockets, err := s.cfg.listen()
	if err != nil {
		return err
	}
	s.sockets = sockets
	for _, ln := range sockets {
		s.accepting.Go(func() { s.serve(ln) })
	}
	s.dialogs.Go(func() { s.smtp.Serve(s.lobby) }) // it ends when the lobby is closed
	return nil
}

func (c *Config) listen() ([]net.Listener, error) {
	if len(c.Sockets) > 0 {
		return c.Sockets, nil
	}
	ln, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, err // it names the address
	}
	return []net.Listener{ln}, nil
}

func (s *Server) serve(ln net.Listener) {
	defer s.doneOnce.Do(func() { close(s.done) })
	log := s.cfg.Log.WithField(FieldListener, s.cfg.Name)
	for {
		raw, err := ln.Accept()
		switch {
		case err == nil:
			s.lobby.enter(raw)
		case passes(err):
			log.WithError(err).Error("accepting a connection failed, trying again")
			time.Sleep(acceptPause)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			log.WithError(err).Errorf("no more connections are accepted on %s", ln.Addr())
			return
		}
	}
}

// acceptPause is how long nothing is accepted after it failed for want of something that others may give back.
const acceptPause = 500 * time.Millisecond

// passes tells whether a failed accept says nothing about the socket: too many open files, no memory.
func passes(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && (errno.Temporary() || errno == syscall.ENOBUFS || errno == syscall.ENOMEM)
}

// Name is the listener's name in the configuration.
func (s *Server) Name() string { return s.cfg.Name }

// Hostname is the name by which it greets.
func (s *Server) Hostname() string { return s.cfg.Hostname }

// Addrs are the addresses listened on, none before Start.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []net.Addr
	for _, ln := range s.sockets {
		all = append(all, ln.Addr())
	}
	return all
}

// Done is closed when connections are not accepted everywhere any more: after Stop, or because a socket failed.
func (s *Server) Done() <-chan struct{} { return s.done }

// Connections is the number of open connections.
func (s *Server) Connections() int { return s.reg.size() }

// abortGrace is how long sessions have to end after they were cut: enough for a commit under way and a last reply.
const abortGrace = 5 * time.Second

// Stop takes nothing new, tells idle clients 421 and waits for transactions in flight. When ctx is done it cuts them (421, nothing of them
// is kept) and cancels their contexts; it returns at most five seconds later, with an error (ctx's, wrapped) only if a session did not end even then. Further calls
// wait for the first and return its result.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.mu.Lock()
	started := s.sockets != nil
	s.stopped = true
	s.mu.Unlock()
	defer s.cancel()
	if !started {
		s.doneOnce.Do(func() { close(s.done) })
		return closeAll(s.cfg.Sockets)
	}
	closeAll(s.sockets)
	s.accepting.Wait() // from here on nobody enters the lobby
	return s.wait(ctx)
}

func closeAll(sockets []net.Listener) error {
	var failed []error
	for _, ln := range sockets {
		failed = append(failed, ln.Close())
	}
	return errors.Join(failed...)
}

func (s *Server) wait(ctx context.Context) error {
	s.reg.drain()
	patience, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	stop := context.AfterFunc(ctx, func() {
		s.cancel()
		s.reg.each((*conn).abort)
		timer := time.AfterFunc(abortGrace, giveUp)
		context.AfterFunc(patience, func() { timer.Stop() })
	})
	defer stop()
	ended := ends(patience, s.lobby.guests.close()) // go-smtp still takes those who have spoken
	s.lobby.Close()
	s.dialogs.Wait()
	ended = s.smtp.Shutdown(patience) == nil && ended
	if !ended || !ends(patience, s.work.close()) {
		s.reg.each(func(c *conn) { c.raw.Close() })
		return fmt.Errorf("listener %s: stopping: sessions are still at work: %w", s.cfg.Name, ctx.Err())
	}
	return nil
}

// ends waits for done, as long as there is patience.
func ends(patience context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-patience.Done():
		return false
	}
}
