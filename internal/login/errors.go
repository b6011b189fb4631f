package login

import (
	"errors"
	"time"
)

// How a login fails: what a caller decides on. Each *Error is one of them.
var (
	// ErrRefused: the name, password, token or right is not accepted. Trying
	// again soon helps nobody, and may lock the account.
	ErrRefused = errors.New("login refused")
	// ErrDisabled: the account, the protocol or the way of logging in is
	// switched off. A person must act.
	ErrDisabled = errors.New("login disabled")
	// ErrThrottled: too much at once; [Error.Wait] may say for how long.
	ErrThrottled = errors.New("login throttled")
	// ErrUnavailable: the server cannot tell now. Try again later.
	ErrUnavailable = errors.New("login temporarily unavailable")
	// ErrUntrusted: the server did not prove who it is; nothing was sent to it.
	ErrUntrusted = errors.New("server not trusted")
)

// Error is a failed login, classified.
type Error struct {
	Kind error         // one of the sentinels above
	Hint string        // the likely cause and remedy, for a person; may be empty
	Wait time.Duration // how long the server asks to wait; 0 where it does not say
	Err  error         // what happened
}

// Error returns what happened. The hint is shown apart.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap makes errors.Is find both the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }
