package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// maxDeed bounds what a client may send.
const maxDeed = 16 << 20

func handleMail(mux *http.ServeMux, running context.Context, s Service) {
	mux.HandleFunc("GET /queue", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Queued) error) error {
		f, err := queueFilter(r.URL.Query())
		if err != nil {
			return err
		}
		return s.Queued(ctx, f, yield)
	})))
	mux.HandleFunc("POST /queue", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Acted) error) error {
		var d Deed
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxDeed)).Decode(&d); err != nil {
			return fmt.Errorf("reading what is to be done: %w", err)
		}
		by, _ := r.Context().Value(whoKey{}).(string)
		return s.Act(ctx, by, d, yield)
	})))
	mux.HandleFunc("GET /trace", guarded(s, func(w http.ResponseWriter, r *http.Request) error {
		t, err := s.Trace(r.Context(), r.URL.Query().Get("asked"))
		if err != nil {
			return err
		}
		answer(w, t)
		return nil
	}))
	mux.HandleFunc("GET /message", message(s))
}

// message streams a message. What fails before its first octet is answered like all else; what fails later cuts the connection, so that nobody takes a part for the whole.
func message(s Service) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out := &begun{ResponseWriter: w}
		out.Header().Set("Content-Type", "message/rfc822")
		err := protect(s, func() error { return s.Message(r.Context(), r.URL.Query().Get("capture"), out) })
		switch {
		case err != nil && out.any:
			panic(http.ErrAbortHandler)
		case err != nil:
			fail(w, err)
		}
	}
}

// begun notes that something was written.
type begun struct {
	http.ResponseWriter
	any bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.any = true
	return b.ResponseWriter.Write(p)
}
