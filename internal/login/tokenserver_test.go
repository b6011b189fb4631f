package login

import (
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// tokenServer is a token endpoint that answers as told and records what it was
// asked.
type tokenServer struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []tokenRequest
	answer func(tokenRequest) (status int, body any)
	header http.Header
}

type tokenRequest struct {
	form         url.Values
	user, secret string // of the Authorization header
}

func newTokenServer(t *testing.T, answer func(tokenRequest) (int, any)) *tokenServer {
	return startTokenServer(t, answer, (*httptest.Server).Start)
}

func startTokenServer(t *testing.T, answer func(tokenRequest) (int, any), start func(*httptest.Server)) *tokenServer {
	s := &tokenServer{answer: answer, header: http.Header{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what some tests want
	start(s.Server)
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	request := tokenRequest{form: r.PostForm}
	if user, secret, ok := r.BasicAuth(); ok {
		request.user, request.secret = user, secret
	}
	s.mu.Lock()
	s.asked = append(s.asked, request)
	s.mu.Unlock()
	status, body := s.answer(request)
	for key, values := range s.header {
		w.Header()[key] = values
	}
	if text, ok := body.(string); ok {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *tokenServer) requests() []tokenRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]tokenRequest(nil), s.asked...)
}

func (s *tokenServer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// granted is the answer of RFC 6749 §5.1.
func granted(token string) map[string]any {
	return map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3599}
}

func refused(code, description string) map[string]any {
	return map[string]any{"error": code, "error_description": description}
}
