package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"posthouse/ledger"
)

// memIntake keeps messages in memory. Local parts of addresses make it misbehave, so that dialogs can tell it what to do:
// bare local parts are taken; recipients unknown@, oops@, boom@, leave@ and anything outside mail.test; senders fail-X@ and panic-X@ with X begin, write or commit; and
// full-X@, refuse-commit@.
type memIntake struct {
	mu        sync.Mutex
	committed []*memMessage
	open      int // messages begun and not ended
	wrong     []string
	gate      chan struct{} // if not nil, Commit waits for a token
	waiting   chan struct{} // told when a Commit waits
}

type memMessage struct {
	in       *memIntake
	ctx      context.Context
	session  Session
	envelope Envelope
	body     bytes.Buffer
	ended    bool
}

func (in *memIntake) Recipient(_ context.Context, _ Session, rcpt string) error {
	local, domain := rcpt, ""
	if at := strings.LastIndexByte(rcpt, '@'); at >= 0 {
		local, domain = rcpt[:at], rcpt[at+1:]
	}
	switch {
	case domain == "":
		return nil
	case domain != "mail.test":
		return &Refusal{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: "Not a domain of ours"}
	case local == "unknown":
		return fmt.Errorf("looking up: %w", &Refusal{Code: 451, Enhanced: [3]int{4, 1, 1}, Text: "Not known yet"})
	case local == "leave":
		return &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: "Go away"}
	case local == "odd":
		return &Refusal{Code: 250, Text: "no refusal at all"}
	case local == "oops":
		return errors.New("reading /secret/path: broken")
	case local == "boom":
		panic("recipient")
	}
	return nil
}

// misbehave does what the sender's address asks for at this step.
func misbehave(from, step string) error {
	switch local, _, _ := strings.Cut(from, "@"); local {
	case "fail-" + step:
		return errors.New("writing /secret/path: broken")
	case "full-" + step:
		return fmt.Errorf("writing: %w", syscall.ENOSPC)
	case "reserve-" + step:
		return fmt.Errorf("writing: %w", ledger.ErrNoSpace)
	case "refuse-" + step:
		return &Refusal{Code: 554, Enhanced: [3]int{5, 6, 0}, Text: "Too many\r\n hops"}
	case "panic-" + step:
		panic(step)
	}
	return nil
}

func (in *memIntake) Begin(ctx context.Context, s Session, e Envelope) (Message, error) {
	if err := misbehave(e.From, "begin"); err != nil {
		return nil, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open++
	return &memMessage{in: in, ctx: ctx, session: s, envelope: e}, nil
}

func (m *memMessage) Write(p []byte) (int, error) {
	if err := misbehave(m.envelope.From, "write"); err != nil {
		return 0, err
	}
	return m.body.Write(p)
}

func (m *memMessage) Commit(context.Context) (string, error) {
	m.end("Commit")
	if err := misbehave(m.envelope.From, "commit"); err != nil {
		return "", err
	}
	if m.in.gate != nil {
		m.in.waiting <- struct{}{}
		select {
		case <-m.in.gate:
		case <-m.ctx.Done():
			return "", m.ctx.Err()
		}
	}
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	m.in.committed = append(m.in.committed, m)
	return fmt.Sprintf("ID%d", len(m.in.committed)), nil
}

func (m *memMessage) Abort() { m.end("Abort") }

func (m *memMessage) end(how string) {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	if m.ended {
		m.in.wrong = append(m.in.wrong, how+" of a message that has ended")
	}
	m.ended = true
	m.in.open--
}

func (in *memIntake) messages() []*memMessage {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]*memMessage(nil), in.committed...)
}

// leftOpen says what was not ended exactly once.
func (in *memIntake) leftOpen() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.open != 0 {
		return fmt.Sprintf("%d messages neither committed nor aborted", in.open)
	}
	return strings.Join(in.wrong, ", ")
}

// memObserver keeps what it is told.
type memObserver struct {
	mu        sync.Mutex
	connected int
	refused   []string
	messages  []string
	abused    []Abuse
}

func (o *memObserver) Connected(Session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.connected++
}

func (o *memObserver) RecipientRefused(_ Session, rcpt string, why *Refusal) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, fmt.Sprintf("%s %d", rcpt, why.Code))
}

func (o *memObserver) MessageRefused(_ Session, code string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, code)
}

func (o *memObserver) Abused(_ Session, what Abuse) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.abused = append(o.abused, what)
}

func (o *memObserver) abuses() []Abuse {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Abuse(nil), o.abused...)
}
