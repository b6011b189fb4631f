package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"posthouse/internal/clock"
)

// clockFlags give a service another clock, for demonstrations: two processes that are given the same three values show the same time.
type clockFlags struct {
	start, epoch string
	speed        float64
}

func (f *clockFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.start, "clock-start", "", "the instant the clock shows at --clock-epoch (RFC 3339)")
	flags.StringVar(&f.epoch, "clock-epoch", "", "the real instant at which it shows that (RFC 3339)")
	flags.Float64Var(&f.speed, "clock-speed", 1, "how much faster than real time it runs")
	for _, name := range []string{"clock-start", "clock-epoch", "clock-speed"} {
		_ = flags.MarkHidden(name) // it only fails for a flag that is not there
	}
}

// clock is the real one unless a flag says otherwise.
func (f *clockFlags) clock(now time.Time) (clock.Clock, error) {
	if f.speed <= 0 {
		return nil, &failure{code: exitUsage, what: "--clock-speed must be more than 0"}
	}
	start, err := instant("--clock-start", f.start, now)
	if err != nil {
		return nil, err
	}
	epoch, err := instant("--clock-epoch", f.epoch, now)
	if err != nil {
		return nil, err
	}
	if f.start == "" && f.speed == 1 {
		return clock.Real(), nil
	}
	return clock.FastSince(epoch, start, f.speed), nil
}

func instant(flag, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, &failure{code: exitUsage, what: fmt.Sprintf("%s: %q is no instant of RFC 3339, such as 2026-11-22T09:14:00Z", flag, text), err: err}
	}
	return t, nil
}
