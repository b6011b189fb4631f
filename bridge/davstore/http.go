package davstore

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"posthouse/bridge"
)

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	at     *url.URL // where it came from, after redirections
}

const (
	maxReply     = 512 << 20
	maxRedirects = 5
)

// request is what is asked of the server.
type request struct {
	method string
	at     *url.URL
	header map[string]string
	body   []byte
	// patience is how long the answer may take; Options.Timeout when zero.
	patience time.Duration
}

// do sends a request and reads the answer. An answer of any status is no error, unless it is about the login or about waiting. That there is no such thing counts if it is said twice: much is given up for it, and one of many
// servers behind an address may not know yet, or not know for the moment, what the others know.
func (s *Store) do(ctx context.Context, r request) (*reply, error) {
	for range maxRedirects {
		got, err := s.again(ctx, r)
		if err == nil && missing(got) {
			got, err = s.again(ctx, r)
		}
		if err != nil {
			return nil, err
		}
		to := redirection(got, r.at)
		if to == nil || got.status == http.StatusFound && changes(r.method) { // that may lead to a page for people
			return got, s.asks(r, got)
		}
		if !trusted(r.at, to) {
			return nil, fmt.Errorf("%s leads to %s, which is not asked with these credentials; name it in the configuration if it is right", r.at.Redacted(), to.Redacted())
		}
		r.at = to
	}
	return nil, fmt.Errorf("%s leads round and round: %w", r.at.Redacted(), bridge.ErrConnection)
}

func missing(got *reply) bool {
	return got.status == http.StatusNotFound || got.status == http.StatusGone
}

func changes(method string) bool {
	return method == http.MethodPut || method == "MOVE" || method == http.MethodDelete
}

// again sends a second time what only asks, when the first broke: a connection that was idle may have been closed by the server.
func (s *Store) again(ctx context.Context, r request) (*reply, error) {
	got, err := s.send(ctx, r)
	if err != nil && ctx.Err() == nil && !s.isClosed() && r.method != http.MethodPut && r.method != "MOVE" && !strings.HasPrefix(r.method, "MK") && errors.Is(err, bridge.ErrConnection) {
		return s.send(ctx, r)
	}
	return got, err
}

func (s *Store) send(parent context.Context, r request) (*reply, error) {
	ctx, cancel, err := s.alive(parent)
	if err != nil {
		return nil, err
	}
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, max(s.o.Timeout, r.patience))
	defer stop()
	out, err := http.NewRequestWithContext(ctx, r.method, r.at.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.header {
		out.Header.Set(name, value)
	}
	out.Header.Set("User-Agent", "posthouse")
	if err := s.o.Authorize(out); err != nil {
		return nil, err
	}
	in, err := s.client.Do(out)
	if err != nil {
		return nil, s.broken(parent, r, err)
	}
	defer in.Body.Close()
	body, err := io.ReadAll(io.LimitReader(in.Body, maxReply+1))
	if err == nil && len(body) > maxReply {
		err = fmt.Errorf("more than %d octets", maxReply)
	}
	if err != nil {
		return nil, s.broken(parent, r, err)
	}
	return &reply{in.StatusCode, in.Header, body, r.at}, nil
}

// broken is the error of a request that was not answered. url.Error would repeat the address.
func (s *Store) broken(ctx context.Context, r request, err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.isClosed():
		return errClosed
	}
	return fmt.Errorf("%s %s: %w: %w", r.method, r.at.Redacted(), bridge.ErrConnection, err)
}

func redirection(got *reply, from *url.URL) *url.URL {
	switch got.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if to, err := from.Parse(got.header.Get("Location")); err == nil && got.header.Get("Location") != "" {
			return to
		}
	}
	return nil
}

// trusted reports whether credentials for one address may be sent to another: to the same host, or, as large services spread their users over many hosts, to one of the same domain over TLS.
func trusted(from, to *url.URL) bool {
	if to.Scheme == from.Scheme && to.Host == from.Host {
		return true
	}
	if to.Scheme != "https" {
		return false
	}
	if strings.EqualFold(to.Hostname(), from.Hostname()) {
		return true
	}
	if net.ParseIP(from.Hostname()) != nil || net.ParseIP(to.Hostname()) != nil {
		return false
	}
	one, err1 := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(from.Hostname()))
	two, err2 := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(to.Hostname()))
	return err1 == nil && err2 == nil && one == two
}

// asks is the error of an answer that is about the login, or asks to wait.
func (s *Store) asks(r request, got *reply) error {
	text := fmt.Sprintf("%s %s: %s", r.method, r.at.Redacted(), said(got))
	switch got.status {
	case http.StatusUnauthorized:
		s.o.Refused()
		s.mu.Lock()
		s.found = nil // who comes next stands before the guard again
		s.mu.Unlock()
		return &bridge.RefusedLogin{Err: errors.New(text)}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return &bridge.Busy{Kind: bridge.Throttled, Server: s.o.Server, Said: said(got), Wait: retryAfter(got.header), Err: errors.New(text)}
	case http.StatusInsufficientStorage:
		if r.method == http.MethodPut || strings.HasPrefix(r.method, "MK") {
			return &bridge.Busy{Kind: bridge.Full, Server: s.o.Server, Said: said(got), Err: errors.New(text)}
		}
	case http.StatusLocked:
		return &bridge.Busy{Kind: bridge.Later, Server: s.o.Server, Said: said(got), Err: errors.New(text)}
	}
	return nil
}

func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// said is what the server answered, for people: the status, and the precondition that failed or the first words of text.
func said(got *reply) string {
	text := strconv.Itoa(got.status) + " " + http.StatusText(got.status)
	if why := precondition(got.body); why != "" {
		return text + " (" + why + described(got.body) + ")"
	}
	if strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		line, _, _ := strings.Cut(strings.TrimSpace(string(got.body[:min(len(got.body), 200)])), "\n")
		if line = strings.ToValidUTF8(strings.Map(visible, line), ""); line != "" {
			return text + " (" + line + ")"
		}
	}
	return text
}

// described is what an error says in words (RFC 4918 §14.24), after a colon.
func described(raw []byte) string {
	var answer struct {
		Text string `xml:"DAV: responsedescription"`
	}
	if xml.Unmarshal(raw, &answer) != nil {
		return ""
	}
	words := strings.Fields(strings.ToValidUTF8(strings.Map(visible, answer.Text), ""))
	if len(words) == 0 {
		return ""
	}
	return ": " + strings.Join(words[:min(len(words), 30)], " ")
}

func visible(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// unexpected is the error of an answer that nobody can make use of.
func unexpected(r request, got *reply) error {
	err := fmt.Errorf("%s %s: %s", r.method, r.at.Redacted(), said(got))
	if missing(got) {
		return fmt.Errorf("%w: %w", bridge.ErrGone, err)
	}
	return err
}
