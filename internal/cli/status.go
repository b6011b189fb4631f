package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// How often the status is asked for while somebody watches, and how long one sampling of speed takes when nobody does.
const (
	watchEvery = time.Second
	lineEvery  = time.Minute
	sampleTime = time.Second
)

func newStatus(a *app) *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use: "status", Short: "Everything at a glance: may the old server stop, and what is in the way", Args: cobra.NoArgs,
		Long: `Shows the verdict, the copy, the queue, and what needs attention, as the running service sees it.

Exit code: 0 when the mailbox server may stop, 4 when not yet, 5 when blind, 69 when posthouse is not running.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := a.reach()
			if err != nil {
				return err
			}
			if watch {
				return a.watch(c.Context(), r.status)
			}
			return a.status(c.Context(), r)
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "stay, and show what changes, until interrupted")
	return c
}

func (a *app) status(ctx context.Context, r *remote) error {
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.out.object(s)
		return verdictStatus(s)
	}
	speed := rate{}
	if copying(s.Copy) && s.Copy.Messages < s.Copy.Total {
		if s, speed, err = a.sampled(ctx, r, s); err != nil {
			return err
		}
	}
	a.out.print(statusView(s, speed, a.zone, a.out.width())...)
	return verdictStatus(s)
}

// sampled measures the speed of a running copy: the status is asked for again after a moment.
func (a *app) sampled(ctx context.Context, r *remote, first control.Status) (control.Status, rate, error) {
	m := meter{window: lineEvery}
	begin := time.Now()
	m.add(sample{begin, first.Copy.Messages, first.Copy.Bytes})
	select {
	case <-ctx.Done():
		return first, rate{}, ctx.Err()
	case <-time.After(sampleTime):
	}
	s, err := r.status(ctx)
	if err != nil {
		return first, rate{}, err
	}
	m.add(sample{time.Now(), s.Copy.Messages, s.Copy.Bytes})
	return s, m.rate(), nil
}

// verdictStatus is the exit code of the mailbox server's verdict.
func verdictStatus(s control.Status) error {
	switch s.Server.State {
	case evidence.Ready:
		return nil
	case evidence.NotYet:
		return status(exitNotYet)
	case evidence.Blind:
		return status(exitBlind)
	}
	return &failure{code: exitFailed, what: "the service gave a verdict that is not known: " + string(s.Server.State), next: "posthouse version"}
}
