package cli

import (
	"errors"
	"fmt"

	"posthouse/config"
)

// The exit codes; those above 64 are those of sysexits.h.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSome        = 3 // done, but some items failed
	exitNotYet      = 4
	exitBlind       = 5
	exitUnreachable = 69 // the other side
	exitLater       = 75 // try again later
	exitPermission  = 77
	exitConfig      = 78
)

// failure is how a command fails, for people: what and where, the likely cause, and the command to type next.
type failure struct {
	code  int
	what  string
	cause string // may be empty
	next  string // may be empty
	// problems of a configuration, shown before all else; may be none.
	problems []config.Problem
	err      error // what lies below, for errors.Is; may be nil
}

func (f *failure) Error() string { return f.what }

func (f *failure) Unwrap() error { return f.err }

// status is an exit code without a failure: everything there is to say was said in the result.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// asFailure gives every error that a command returns a code. Unknown is failed.
func asFailure(err error) error {
	var f *failure
	var s status
	switch {
	case err == nil:
		return nil
	case errors.As(err, &s), errors.As(err, &f):
		return err
	}
	return &failure{code: exitFailed, what: err.Error(), err: err}
}

// failureText is a failure as it stands on stderr.
func failureText(f *failure) []line {
	var lines []line
	for _, p := range f.problems {
		lines = append(lines, problemLines(p, "")...)
	}
	lines = append(lines, line{{bad, "✗ "}, {plain, f.what}})
	if f.cause != "" {
		lines = append(lines, labelled("likely", span{plain, f.cause}))
	}
	if f.next != "" {
		lines = append(lines, labelled("next", span{strong, f.next}))
	}
	return lines
}

// failureObject is a failure in JSON. Its schema is that of the control socket's errors, with more fields.
type failureObject struct {
	Schema   string          `json:"schema"`
	Error    string          `json:"error"`
	Problems []problemObject `json:"problems,omitempty"`
	Cause    string          `json:"cause,omitempty"`
	Next     string          `json:"next,omitempty"`
	Exit     int             `json:"exit"`
}
