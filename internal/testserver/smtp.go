package testserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// SMTPConfig says how an SMTP or LMTP server behaves. The zero value accepts everything by cleartext SMTP with all extensions.
type SMTPConfig struct {
	// Addr is where to listen; empty means a free port of 127.0.0.1.
	Addr string
	// Hostname stands in the greeting; empty means mx.test.example.
	Hostname string
	// LMTP speaks LHLO and answers the end of data once per recipient (RFC 2033).
	LMTP bool
	// Without names extensions to hide and refuse: any of Extensions, or "EHLO" for a server that knows only HELO.
	// Without PIPELINING, commands that arrive before the answer to the last are answered 503 and counted (Violations).
	Without []string
	// MaxSize is announced by SIZE and enforced. 0 announces SIZE without a limit.
	MaxSize int64
	// TLS offers STARTTLS, or with Implicit is spoken from the first octet. nil means cleartext.
	TLS      *tls.Config
	Implicit bool
	// RequireTLS answers 530 to MAIL over cleartext.
	RequireTLS bool
	// Users may log in with AUTH PLAIN and LOGIN; empty hides AUTH. RequireAuth answers 530 to MAIL before a login.
	Users       map[string]string
	RequireAuth bool
	// Token, if set, decides about logins by AUTH XOAUTH2; nil hides it.
	Token func(user, token string) bool
	// Lenient ends DATA at a lone dot between any line ends, bare ones too, and takes what follows for commands: the server that smugglers look for.
	Lenient bool
	// MaxConns answers 421 to connections beyond it. 0 means no limit.
	MaxConns int
	// Latency is waited before each reply.
	Latency time.Duration
	// Script, if set, decides about every step; nil leaves the step to the server. It is called from each session's goroutine.
	Script func(SMTPCall) *Reply
	// Deliver, if set, receives each accepted message before its final reply; an error makes that 451. The envelope must not be changed.
	Deliver func(*Envelope) error
	// Forget keeps no record of messages: for runs with very many.
	Forget bool
}

// Rcpt is one RCPT command that was answered 250.
type Rcpt struct {
	To   string
	Args []string // ESMTP parameters as sent, such as NOTIFY=NEVER
}

// Envelope is a message that was accepted, as it came over the wire.
type Envelope struct {
	Conn    int    // number of the connection since NewSMTP, from 1
	Client  string // remote address, host:port
	Helo    string
	User    string // who logged in, or empty
	TLS     bool
	Chunked bool // came by BDAT
	From    string
	Args    []string // ESMTP parameters of MAIL as sent
	Rcpts   []Rcpt   // LMTP: only those whose final reply was positive
	Data    []byte   // the exact octets; for DATA after undoing dot-stuffing
	At      time.Time
}

// Recipients returns the addresses alone.
func (e *Envelope) Recipients() []string {
	list := make([]string, len(e.Rcpts))
	for i, r := range e.Rcpts {
		list[i] = r.To
	}
	return list
}

// Delivered returns the message as a mailbox gets it: with Return-Path and Received above the unchanged octets.
func (e *Envelope) Delivered(host string) []byte {
	trace := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from %s (%s)\r\n\tby %s; %s\r\n", e.From, e.Helo, e.Client, host, e.At.Format(time.RFC1123Z))
	return slices.Concat([]byte(trace), e.Data)
}

// SMTP is a scriptable server that records what it accepts. All methods are safe for concurrent use.
type SMTP struct {
	listener
	cfg SMTPConfig

	stateMu    sync.Mutex
	quit       chan struct{} // closed by Stop
	received   []*Envelope
	news       chan struct{} // closed and replaced at each received message
	accepted   int           // messages, recorded or not
	connects   int
	active     int // sessions that were let in
	peak       int
	violations int
}

// NewSMTP prepares a server.
func NewSMTP(cfg SMTPConfig) *SMTP {
	if cfg.Hostname == "" {
		cfg.Hostname = "mx.test.example"
	}
	return &SMTP{cfg: cfg, news: make(chan struct{})}
}

// Start listens and serves until Stop.
func (s *SMTP) Start() error {
	s.stateMu.Lock()
	s.quit = make(chan struct{})
	s.stateMu.Unlock()
	if err := s.start(s.cfg.Addr, s.serve); err != nil {
		return fmt.Errorf("starting the SMTP test server: %w", err)
	}
	return nil
}

// Stop cuts all sessions; what was accepted stays recorded. Start listens on the same address again.
func (s *SMTP) Stop() {
	s.stateMu.Lock()
	if s.quit != nil {
		close(s.quit)
		s.quit = nil
	}
	s.stateMu.Unlock()
	s.stop()
}

func (s *SMTP) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	s.stateMu.Lock()
	quit := s.quit
	s.connects++
	number := s.connects
	full := s.cfg.MaxConns > 0 && s.active >= s.cfg.MaxConns
	if !full {
		s.active++
		s.peak = max(s.peak, s.active)
	}
	s.stateMu.Unlock()
	if quit == nil {
		quit = closed // Stop came in between
	}
	c := newSMTPSession(s, conn, number, quit)
	if full {
		c.reply(421, "4.7.0 Too many connections")
		c.hangUp()
		return
	}
	defer s.add(&s.active, -1)
	c.run()
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// keep records an accepted message, after Deliver has agreed to it.
func (s *SMTP) keep(e *Envelope) error {
	if s.cfg.Deliver != nil {
		if err := s.cfg.Deliver(e); err != nil {
			return err
		}
	}
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	s.accepted++
	if !s.cfg.Forget {
		s.received = append(s.received, e)
	}
	close(s.news)
	s.news = make(chan struct{})
	return nil
}

// Received returns the accepted messages in the order of their final replies.
func (s *SMTP) Received() []*Envelope {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	return slices.Clone(s.received)
}

// Wait returns when at least n messages were accepted since NewSMTP or Reset, with those that are recorded.
func (s *SMTP) Wait(ctx context.Context, n int) ([]*Envelope, error) {
	for {
		s.stateMu.Lock()
		got, list, news := s.accepted, slices.Clone(s.received), s.news
		s.stateMu.Unlock()
		if got >= n {
			return list, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return list, fmt.Errorf("waiting for %d messages, %d came: %w", n, got, ctx.Err())
		}
	}
}

// Reset forgets the accepted messages and their number.
func (s *SMTP) Reset() {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	s.received, s.accepted = nil, 0
}

// Accepted returns how many messages were accepted since NewSMTP or Reset.
func (s *SMTP) Accepted() int { return s.number(&s.accepted) }

// Connections returns how many connections there have ever been.
func (s *SMTP) Connections() int { return s.number(&s.connects) }

// Peak returns the highest number of sessions that ran at once, without those turned away by MaxConns.
func (s *SMTP) Peak() int { return s.number(&s.peak) }

// Violations counts breaches of the protocol that a strict server would not forgive: pipelining where it was not offered or not
// allowed (RFC 2920 §3.1), command lines without CRLF, parameters of extensions that were not offered.
func (s *SMTP) Violations() int { return s.number(&s.violations) }

func (s *SMTP) number(n *int) int {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	return *n
}

func (s *SMTP) add(n *int, delta int) {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	*n += delta
}

func (s *SMTP) violation() { s.add(&s.violations, 1) }
