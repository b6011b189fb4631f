package delivery

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrSize: the body yielded fewer or more bytes than its Size.
	ErrSize = errors.New("body is not as long as it says")
	// ErrTLSRequired: the next hop does not offer STARTTLS; perhaps somebody on
	// the way took the offer out.
	ErrTLSRequired = errors.New("TLS is required and was not offered")
	// ErrAuthNotOffered: none of the mechanisms we have a secret for is offered.
	ErrAuthNotOffered = errors.New("no usable AUTH mechanism offered")
	// ErrCertificate: the certificate's fingerprint is none of the configured.
	ErrCertificate = errors.New("certificate has another fingerprint")
	errRefused     = errors.New("refused")
	// ErrStopped: the client was stopped.
	ErrStopped = errors.New("delivery client is stopped")
)

// Stage is where a connection failed.
type Stage string

const (
	StageMX       Stage = "MX"
	StageConnect  Stage = "connect"
	StageGreeting Stage = "greeting"
	StageHello    Stage = "EHLO"
	StageTLS      Stage = "TLS"
	StageAuth     Stage = "AUTH"
	StageEnvelope Stage = "envelope"
	StageData     Stage = "data"
	StageFinal    Stage = "final reply"
)

// SessionError is trouble with the connection, the session or the login, not
// with a message. It is what a circuit breaker counts, unless its cause is a
// context that ended.
type SessionError struct {
	Destination string
	Stage       Stage
	// Reply is the next hop's refusal, if there was one.
	Reply Reply
	// Err is the cause; nil if the Reply is.
	Err error
}

func (e *SessionError) Error() string {
	return e.Destination + ": " + string(e.Stage) + ": " + e.cause().Error()
}

func (e *SessionError) Unwrap() error { return e.Err }

// cause is the error, or else the reply.
func (e *SessionError) cause() error {
	switch {
	case e.Err == nil:
		return errors.New(e.Reply.String())
	case e.Reply.Code == 0:
		return e.Err
	}
	return fmt.Errorf("%w: %s", e.Err, e.Reply)
}

// Throttled reports whether the refusal asks to slow down, and the pause it
// names, if any.
func (e *SessionError) Throttled() (bool, time.Duration) { return Throttle(e.Reply) }
