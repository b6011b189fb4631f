//go:build !linux

package daemon

import "errors"

// noDumps is Linux's.
func noDumps() error { return errors.ErrUnsupported }
