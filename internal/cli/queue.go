package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthouse/config"
	"posthouse/internal/control"
)

const queueLong = `Shows what was captured and waits: for its next attempt, for an answer of the mailbox, or, held, for a person; and what was refused as spam or virus, quiet, which nobody waits for; below it what is the matter and what to do about it.
An ID is that of a message, or its beginning; a Message-ID does as well. A message has a delivery for each recipient; the filters choose among them. ADDRESS may be @DOMAIN.

Exit code: 0 done, 1 nothing was done, 2 a filter that can choose nothing, 3 done but for some; ` + offlineLong

func newQueue(a *app) *cobra.Command {
	var f queueFlags
	c := &cobra.Command{
		Use: "queue", Short: "Mail that waits: list, show, hold, release, retry, move, export, drop, resend", Long: queueLong, Args: known,
		RunE: func(c *cobra.Command, _ []string) error { return asFailure(a.queueList(c.Context(), f, nil)) },
	}
	f.addTo(c)
	c.AddCommand(newQueueList(a), newQueueShow(a), newQueueHold(a), newQueueRelease(a), newQueueRetry(a), newQueueMove(a), newQueueExport(a), newQueueDrop(a), newQueueResend(a))
	return c
}

// queueFlags are the filters.
type queueFlags struct {
	reasons, states []string
	from, to        string
	older           age
	all             bool
}

// addTo adds the filters to a command.
func (f *queueFlags) addTo(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.reasons, "reason", nil, "only what waits for these `reasons`, as the list names them")
	c.Flags().StringVar(&f.from, "from", "", "only from this `address`")
	c.Flags().StringVar(&f.to, "to", "", "only to this `address`")
	c.Flags().Var(&f.older, "older", "only what was captured longer ago than this `time` (90m, 12h, 3d)")
	c.Flags().StringSliceVar(&f.states, "state", nil, "only in these `states`: "+strings.Join(queueStates, ", "))
}

// filter is what the flags and IDs select.
func (f *queueFlags) filter(ids []string) control.QueueFilter {
	return control.QueueFilter{Captures: ids, States: f.states, Classes: f.reasons, From: f.from, To: f.to, Older: time.Duration(f.older)}
}

// any reports whether there is a filter.
func (f *queueFlags) any() bool {
	return len(f.reasons)+len(f.states) > 0 || f.from != "" || f.to != "" || f.older > 0
}

// age is a length of time that may be given in days.
type age time.Duration

func (a *age) String() string { return "" }
func (*age) Type() string     { return "time" }

func (a *age) Set(text string) error {
	d, err := config.ParseDuration(text)
	if err == nil && d <= 0 {
		err = errors.New("no length of time")
	}
	*a = age(d)
	return err
}

func newQueueList(a *app) *cobra.Command {
	var f queueFlags
	c := &cobra.Command{
		Use: "list [ID ...]", Short: "List what waits, and why", Long: queueLong,
		RunE: func(c *cobra.Command, args []string) error { return a.queueList(c.Context(), f, args) },
	}
	f.addTo(c)
	return c
}

func (a *app) queueList(ctx context.Context, f queueFlags, ids []string) error {
	if err := f.check(); err != nil {
		return err
	}
	m, err := a.mail(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	if r, runs := m.(*remote); runs && a.json {
		return r.queued(ctx, f.filter(ids), func(q control.Queued) error { a.out.object(q); return a.out.err })
	}
	domains, at, err := m.about(ctx)
	if err != nil {
		return err
	}
	all, err := allQueued(ctx, m, f.filter(ids))
	if err != nil {
		return err
	}
	m.close()
	if !a.json {
		a.out.print(queueView(all, naming{domains: domains}, at.In(a.zone))...)
		return nil
	}
	for _, q := range all {
		a.out.object(q)
	}
	return nil
}

func newQueueShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID ...", Short: "Show a message, how each of its deliveries stands, and what to do", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.queueShow(c.Context(), args) },
	}
}

func (a *app) queueShow(ctx context.Context, ids []string) error {
	m, err := a.mail(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	domains, at, err := m.about(ctx)
	if err != nil {
		return err
	}
	var found []control.Trace
	for _, id := range ids {
		var t control.Trace
		if t, err = traceOne(ctx, m, id); err != nil {
			break // those before it are shown
		}
		found = append(found, t)
	}
	m.close()
	for _, t := range found {
		if a.json {
			a.out.object(t)
			continue
		}
		a.out.print(showView(t.Messages[0], naming{domains: domains}, at.In(a.zone))...)
	}
	return err
}
