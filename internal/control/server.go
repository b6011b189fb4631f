package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Service is what the running process answers. Its methods are safe for concurrent use.
type Service interface {
	Mail
	Proof
	Book
	Status(ctx context.Context) (Status, error)
	// Verify compares the named mailboxes, all if none is named, with a few bodies of each or with all, and calls yield for each as it is done. An error of yield ends it.
	Verify(ctx context.Context, mailboxes []string, full bool, yield func(Verified) error) error
	// Backfill brings the named mailboxes up to date, all if none is named, and calls yield for each as it is done. An error of yield ends it.
	Backfill(ctx context.Context, mailboxes []string, yield func(Backfilled) error) error
	// Plan tells what Backfill would do with the folders of the named mailboxes, all if none is named, and calls yield for each. An error of yield ends it.
	Plan(ctx context.Context, mailboxes []string, yield func(Planned) error) error
	// DNS tells what DNS says of the named domains, all if none is named, as of the last look, or with now of a new one, and calls yield for each. An error of yield ends it.
	DNS(ctx context.Context, domains []string, now bool, yield func(Domain) error) error
	// Tail calls begun, and yield for everything that happens from then on, until ctx ends. A reader that is too slow misses some, and is told how many.
	Tail(ctx context.Context, begun func(), yield func(Event) error) error
}

// Server is the control socket.
type Server struct {
	http   *http.Server
	cancel context.CancelFunc // ends what may take long
	done   chan struct{}
}

// Peers says who may connect: root and the service's own user always may.
type Peers struct {
	Group uint32 // group id
	Named bool   // Group is set
}

// MaxPath is how many octets the path of a Unix socket can have: sun_path of unix(7), less the NUL.
const MaxPath = 107

// Listen opens the socket at path, replacing what a dead process left there, and serves until Stop. The caller holds the state folder's lock, so no living process listens there.
func Listen(path string, peers Peers, s Service) (*Server, error) {
	if len(path) > MaxPath {
		return nil, fmt.Errorf("control socket: the path %s has %d octets, a socket's can have %d: name a shorter one (control.socket)", path, len(path), MaxPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := sweep(path); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := permit(path, peers); err != nil {
		ln.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return serve(checked{ln, peers}, s), nil
}

// sweep removes a socket that was left at path, and nothing else.
func sweep(path string) error {
	at, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if at.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is no socket; it stays as it is", path)
	}
	return os.Remove(path)
}

func permit(path string, peers Peers) error {
	if peers.Named {
		if err := os.Chown(path, -1, int(peers.Group)); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o660)
}

func serve(ln net.Listener, s Service) *Server {
	running, cancel := context.WithCancel(context.Background())
	server := &Server{cancel: cancel, done: make(chan struct{})}
	server.http = &http.Server{
		Handler: handler(running, s), ReadHeaderTimeout: 10 * time.Second, ConnContext: withWho,
		ErrorLog: log.New(io.Discard, "", 0), // what a client sends that is no HTTP concerns nobody
	}
	go func() {
		defer close(server.done)
		_ = server.http.Serve(ln) // it always ends with ErrServerClosed or a closed socket
	}()
	return server
}

// Stop removes the socket, ends verifications, and lets everything else be answered until ctx ends. It may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
		err = fmt.Errorf("stopping the control socket: %w", err)
	}
	<-s.done
	return err
}
