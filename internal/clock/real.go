package clock

import "time"

// Real is the machine's wall clock.
func Real() Clock { return waits{realSource{}} }

type realSource struct{}

func (realSource) Now() time.Time { return instant(time.Now()) }

// Steady keeps the monotonic reading, by which instants that have one are
// compared.
func (realSource) Steady() time.Time { return time.Now() }

func (realSource) wait(d time.Duration) time.Duration { return d }
