package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// Alarmed is an optional interface of a Service that is told when answering a request panicked. The process goes on, and the client hears of an internal failure.
type Alarmed interface {
	Panicked(err error)
}

// handler answers requests; those that may take long end with running.
func handler(running context.Context, s Service) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", guarded(s, told(s.Status)))
	mux.HandleFunc("POST /verify", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Verified) error) error {
		return s.Verify(ctx, r.URL.Query()["mailbox"], r.URL.Query().Has("full"), yield)
	})))
	mux.HandleFunc("POST /backfill", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Backfilled) error) error {
		return s.Backfill(ctx, r.URL.Query()["mailbox"], yield)
	})))
	mux.HandleFunc("POST /plan", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Planned) error) error {
		return s.Plan(ctx, r.URL.Query()["mailbox"], yield)
	})))
	mux.HandleFunc("GET /dns", dns(running, s))
	mux.HandleFunc("GET /tail", tail(running, s))
	handleMail(mux, running, s)
	handleProof(mux, running, s)
	handleBook(mux, running, s)
	return mux
}

// streamed answers with a line for each mailbox.
func streamed[T any](running context.Context, do func(context.Context, *http.Request, func(T) error) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		defer context.AfterFunc(running, func() { cancel(errStopping) })()
		out := json.NewEncoder(w)
		err := do(ctx, r, func(one T) error {
			defer flush(w)
			return out.Encode(one)
		})
		if context.Cause(ctx) == errStopping {
			return errStopping
		}
		return err
	}
}

var errStopping = errors.New("the service is being stopped")

// guarded answers with the error, also with that of a panic. In the middle of a stream an Error is its last line.
func guarded(s Service, do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := protect(s, func() error { return do(w, r) }); err != nil {
			fail(w, err)
		}
	}
}

func protect(s Service, do func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if a, ok := s.(Alarmed); ok {
			a.Panicked(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
		err = errors.New("internal failure; the service's log tells more")
	}()
	return do()
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// told answers with one object.
func told[T any](find func(context.Context) (T, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		found, err := find(r.Context())
		if err == nil {
			answer(w, found)
		}
		return err
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
