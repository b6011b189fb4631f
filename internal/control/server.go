package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Service is what the running process answers. Its methods are safe for concurrent use.
type Service interface {
	Status(ctx context.Context) (Status, error)
	// Verify compares the named mailboxes, all if none is named, and calls yield for each as it is done. An error of yield ends it.
	Verify(ctx context.Context, mailboxes []string, yield func(Verified) error) error
}

// Server is the control socket.
type Server struct {
	path string
	http *http.Server
	ln   net.Listener
	done chan struct{}
}

// Peers says who may connect: root and the service's own user always may.
type Peers struct {
	Group uint32 // group id
	Named bool   // Group is set
}

// Listen opens the socket at path, replacing what a dead process left there, and serves until Stop. The caller holds the state folder's lock, so no living process listens there.
func Listen(path string, peers Peers, s Service) (*Server, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
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
	server := &Server{path: path, ln: ln, done: make(chan struct{})}
	server.http = &http.Server{Handler: handler(s), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(server.done)
		_ = server.http.Serve(checked{ln, peers}) // it always ends with ErrServerClosed or a closed socket
	}()
	return server, nil
}

func permit(path string, peers Peers) error {
	if peers.Named {
		if err := os.Chown(path, -1, int(peers.Group)); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o660)
}

// Stop answers what was asked, until ctx ends, and removes the socket.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	<-s.done
	return err
}

func handler(s Service) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		status, err := s.Status(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, status)
	})
	mux.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		out := json.NewEncoder(w)
		err := s.Verify(r.Context(), r.URL.Query()["mailbox"], func(v Verified) error {
			defer flush(w)
			return out.Encode(v)
		})
		if err != nil {
			fail(w, err)
		}
	})
	return mux
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client went away
}

func fail(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(Error{Schema: ErrorSchema, Text: err.Error()}) // the client went away
}
