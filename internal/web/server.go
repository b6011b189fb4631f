package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server answers on one address.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{}
}

// Listen answers at once; an address that cannot be listened on is a *net.OpError.
func Listen(address string, handler http.Handler) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{http: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}, listener: listener, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // it ends with Stop
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Stop lets requests under way end until ctx is done, then cuts them.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stopping to answer on %s: %w", s.listener.Addr(), err), s.http.Close())
	}
	<-s.done
	return err
}
