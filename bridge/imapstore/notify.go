package imapstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"posthouse/bridge"
)

// bell is a connection on which the server tells of changes in any folder of the mailbox (NOTIFY, RFC 5465). It speaks without go-imap: what comes unasked is no more than a hint. It idles in
// INBOX meanwhile: of the open folder servers tell more surely. Dovecot misses about half of the changed flags in others, though no message; those are found by the next poll.
type bell struct {
	store *Store
	lock  chan struct{}
	hint  chan struct{} // holds one hint
	ring  *ringing      // nil while there is no connection; guarded by lock
}

func newBell(s *Store) *bell {
	return &bell{store: s, lock: make(chan struct{}, 1), hint: make(chan struct{}, 1)}
}

// notifySets are what is asked for: everything that may matter, or else what RFC 5465 §5 has every server know.
var notifySets = []string{
	"NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge FlagChange MailboxName))",
	"NOTIFY SET (personal (MessageNew MessageExpunge))",
}

// WaitAny implements bridge.Notifier. After connecting it returns at once: nobody knows what happened before.
func (s *Store) WaitAny(ctx context.Context) error {
	select {
	case s.bell.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.bell.lock }()
	s.reader.rest()
	s.control.rest()
	if err := s.bell.wait(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("waiting for news: %w", err)
	}
	return ctx.Err()
}

func (b *bell) wait(ctx context.Context) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	select {
	case <-b.hint:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.ring.dead:
		err := b.ring.err
		lived := time.Since(b.ring.since)
		b.end()
		switch {
		case b.store.isClosed():
			return errClosed
		case lived < minLife:
			return fmt.Errorf("%w while waiting: %w", bridge.ErrConnection, err)
		}
		return nil // something may have been missed
	}
}

func (b *bell) begin(ctx context.Context) error {
	if b.ring != nil {
		return nil
	}
	s, release, err := b.store.connect(ctx, true)
	if errors.Is(err, errNoRoom) {
		return fmt.Errorf("%w: %w", bridge.ErrBusy, err) // there may be room later
	}
	if err != nil {
		return err
	}
	hang := func() { s.conn.Close() }
	stop := context.AfterFunc(ctx, hang)
	unhook := b.store.onClose(hang)
	s.conn.expect(b.store.o.Timeout)
	set, err := s.notify()
	s.conn.expect(0)
	if err != nil || !stop() {
		unhook()
		hang()
		release()
		return errors.Join(err, ctx.Err())
	}
	b.ring = &ringing{
		session: s, set: set, bell: b, since: time.Now(), dead: make(chan struct{}), quit: make(chan struct{}), patience: b.store.o.Timeout,
		drop: func() { unhook(); hang(); release() },
	}
	if err := b.ring.idle(); err != nil {
		b.ring.drop()
		b.ring = nil
		return lost(err)
	}
	b.ring.goroutines.Go(b.ring.listen)
	b.ring.goroutines.Go(b.ring.keepAlive)
	b.rung()
	return nil
}

// notify asks to be told, and returns the command that the server took. ErrUnsupported where it takes none.
func (s *session) notify() (string, error) {
	if !s.caps.has("NOTIFY") || !s.caps.has("IDLE") {
		return "", bridge.ErrUnsupported
	}
	if _, err := s.command("EXAMINE INBOX"); err != nil {
		if _, refused := answered(err); !refused {
			return "", lost(err)
		}
	}
	var refused error
	for _, set := range notifySets {
		_, err := s.command(set)
		if _, ok := answered(err); err == nil || !ok {
			return set, lost(err)
		}
		refused = err
	}
	return "", fmt.Errorf("%w: %w", bridge.ErrUnsupported, refused)
}

// lost gives an error of a connection its sentinel.
func lost(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", bridge.ErrConnection, err)
}

func (b *bell) rung() {
	select {
	case b.hint <- struct{}{}:
	default:
	}
}

func (b *bell) end() {
	if b.ring != nil {
		b.ring.end()
		b.ring = nil
	}
}

// rest gives the connection up if nobody waits.
func (b *bell) rest() {
	select {
	case b.lock <- struct{}{}:
		defer func() { <-b.lock }()
		b.end()
	default:
	}
}

// close ends the bell for good; the store's hook has closed the connection, so whoever waits returns soon.
func (b *bell) close() {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	b.end()
}

// ringing is a connection on which the server was asked to tell.
type ringing struct {
	*session
	set      string
	bell     *bell
	since    time.Time
	patience time.Duration
	drop     func()

	goroutines sync.WaitGroup
	quit, dead chan struct{}
	err        error // why it is dead

	mu sync.Mutex // sending
}

// keepAliveEvery is well below the half hour after which servers log silent clients out (RFC 9051 §5.4), and what routers forget connections after.
const keepAliveEvery = 9 * time.Minute

func (r *ringing) keepAlive() {
	tick := time.NewTicker(keepAliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.conn.expect(r.patience) // until the answer
			if r.again() != nil {
				r.conn.Close()
			}
		case <-r.quit:
			return
		case <-r.dead:
			return
		}
	}
}

// idle makes the server tell of the open folder (RFC 2177), and again is the sign of life: it ends that and begins anew.
func (r *ringing) idle() error { return r.say("IDLE") }

func (r *ringing) again() error { return r.say("DONE", "IDLE") }

// say sends lines in one piece; DONE has no tag.
func (r *ringing) say(commands ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, c := range commands {
		if c != "DONE" {
			r.tag++
			c = fmt.Sprintf("N%d %s", r.tag, c)
		}
		lines = append(lines, c)
	}
	return r.send(strings.Join(lines, "\r\n"))
}

// listen takes everything that is no answer for a hint, until the connection ends.
func (r *ringing) listen() {
	defer close(r.dead)
	for r.err == nil {
		line, err := r.read()
		if err != nil {
			r.err = err
			return
		}
		r.err = r.hear(line)
	}
}

func (r *ringing) hear(line reply) error {
	switch {
	case line.tag == "+":
		r.conn.expect(0)
	case line.tag != "*":
		if line.kind != "OK" {
			return refusal{line}
		}
	case line.kind == "BYE":
		return fmt.Errorf("server closed the connection: %s", line.said())
	case line.code == "NOTIFICATIONOVERFLOW": // it has stopped telling (RFC 5465 §5.8)
		r.bell.rung()
		return r.say("DONE", r.set, "IDLE")
	case line.kind != "OK" && line.kind != "NO" && line.kind != "CAPABILITY":
		r.bell.rung()
	}
	return nil
}

func (r *ringing) end() {
	close(r.quit)
	r.drop()
	r.goroutines.Wait()
}
