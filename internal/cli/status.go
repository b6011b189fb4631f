package cli

import (
	"context"
	"slices"
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
				return a.watch(c.Context(), r.status, statusShow{a.zone})
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
	s, speeds, err := a.sampled(ctx, r.status, s)
	if err != nil {
		return err
	}
	a.out.print(statusView(s, speeds.all.rate(), a.zone, a.out.width())...)
	return verdictStatus(s)
}

// sampled measures the speeds of a running copy: the status is asked for again after a moment.
func (a *app) sampled(ctx context.Context, ask ask, first control.Status) (control.Status, *speeds, error) {
	speeds := newSpeeds(lineEvery)
	if !copying(first.Copy) || first.Copy.Messages >= first.Copy.Total {
		return first, speeds, nil
	}
	speeds.add(time.Now(), first)
	if !sleep(ctx, sampleTime) {
		return first, speeds, ctx.Err()
	}
	s, err := ask(ctx)
	if err != nil {
		return first, speeds, err
	}
	speeds.add(time.Now(), s)
	return s, speeds, nil
}

// verdictStatus is the exit code of the mailbox server's verdict.
func verdictStatus(s control.Status) error { return stateStatus(s.Server.State) }

func stateStatus(state evidence.State) error {
	switch state {
	case evidence.Ready:
		return nil
	case evidence.NotYet:
		return status(exitNotYet)
	case evidence.Blind:
		return status(exitBlind)
	}
	return &failure{code: exitFailed, what: "the service gave a verdict that is not known: " + string(state), next: "posthouse version"}
}

// statusShow is what `status --watch` shows: the status and, below it, the bars while the first copy runs.
type statusShow struct{ zone *time.Location }

func (o statusShow) block(s control.Status, p *speeds, width, height int) []line {
	lines := statusView(s, p.all.rate(), o.zone, width)
	if copying(s.Copy) {
		s.Mailboxes = withoutErrors(s.Mailboxes) // they are named above
		lines = append(lines, progressView(s, p, o.zone, max(height-len(lines)-4, 3))...)
	}
	return lines
}

func withoutErrors(all []control.Mailbox) []control.Mailbox {
	return slices.DeleteFunc(slices.Clone(all), func(m control.Mailbox) bool { return m.Error != "" })
}

func (o statusShow) text(s control.Status, p *speeds) string {
	return summaryText(s, p.all.rate(), o.zone)
}

func (statusShow) objects(s control.Status) []any { return []any{s} }

func (statusShow) code(s control.Status) error { return verdictStatus(s) }
