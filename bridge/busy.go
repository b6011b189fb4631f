package bridge

import (
	"errors"
	"time"
)

// BusyKind says why a server asks to come back later.
type BusyKind string

const (
	// Throttled: too much in too short a time, or the server is overloaded. It goes on by itself.
	Throttled BusyKind = "throttled"
	// Crowded: too many connections. It goes on with fewer.
	Crowded BusyKind = "crowded"
	// Full: the mailbox holds no more. A person must give it room.
	Full BusyKind = "full"
	// Later: something else that may pass by itself, such as a folder in use.
	Later BusyKind = "later"
)

// Busy is a server that asks to come back later. It matches ErrBusy.
type Busy struct {
	Kind   BusyKind
	Server string        // its name in the configuration; "" where nobody told the store
	Said   string        // its words
	Wait   time.Duration // the pause that it names; 0 where it names none
	Until  time.Time     // before when nobody tries again; zero where nobody remembers
	Err    error
}

// Error is for people: what ails, what to do, and what the server said.
func (b *Busy) Error() string {
	if b.Kind == Full {
		return "mailbox is full, give it more room or remove something there: " + b.Err.Error()
	}
	return ErrBusy.Error() + ": " + b.Err.Error()
}

// Unwrap makes errors.Is find both the sentinel and the cause.
func (b *Busy) Unwrap() []error { return []error{ErrBusy, b.Err} }

// asks is who asks to wait, in its own words.
func (b *Busy) asks() string {
	if b.Server == "" {
		return "server says " + b.Said
	}
	return b.Server + " says " + b.Said
}

// planned returns the Busy of a failure that is a planned wait: nothing is wrong, and it goes on by itself.
func planned(err error) *Busy {
	var busy *Busy
	if !errors.As(err, &busy) || busy.Kind != Throttled && busy.Kind != Crowded || errors.Is(err, ErrLogin) {
		return nil
	}
	return busy
}

// aside is a Busy that is about one item only: the mailbox need not wait.
type aside struct{ error }

// full reports whether a mailbox, or one folder of it, takes no more.
func full(err error) bool {
	var busy *Busy
	var one aside
	return errors.As(err, &busy) && busy.Kind == Full || errors.As(err, &one) && errors.As(one.error, &busy) && busy.Kind == Full
}
