package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

func newTrace(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "trace ID|Message-ID|ADDRESS", Short: "What became of a message: one timeline", Args: cobra.ExactArgs(1),
		Long: `Tells the story of a captured message: how it arrived, each attempt with the far end's words, what a person did, and where it was seen in the mailbox, and what logs and old mailboxes tell of the same Message-ID.
It is named by its ID or the beginning of it, by its Message-ID, or by a sender or recipient; where several messages fit, they are listed, the newest first.

Exit code: 0 when there is one, 1 when there is none; ` + offlineLong,
		RunE: func(c *cobra.Command, args []string) error { return a.trace(c.Context(), args[0]) },
	}
}

func (a *app) trace(ctx context.Context, asked string) error {
	m, err := a.mail(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	t, err := m.trace(ctx, a.whole(ctx, m, asked))
	if err != nil {
		return err
	}
	if a.json {
		m.close()
		a.out.object(t)
	}
	if len(t.Messages)+len(t.Said) == 0 {
		return noSuchMessage(asked, a.json)
	}
	if !a.json {
		domains, _, err := m.about(ctx)
		if err != nil {
			return err
		}
		m.close()
		a.out.print(traceView(t, naming{domains: domains}, t.At.In(a.zone))...)
	}
	return nil
}

// whole is an address with its domain, where it was given as anna@ and there is only one.
func (a *app) whole(ctx context.Context, m mail, asked string) string {
	if !strings.HasSuffix(asked, "@") {
		return asked
	}
	if domains, _, err := m.about(ctx); err == nil && len(domains) == 1 {
		return asked + domains[0]
	}
	return asked
}

func noSuchMessage(asked string, said bool) error {
	if said {
		return status(exitFailed)
	}
	return &failure{
		code: exitFailed, what: fmt.Sprintf("no message was captured that %s names", asked),
		cause: "it took another way, was refused at the door (journalctl -u posthouse --grep '^refused$'), or lies in an old mailbox and was copied", next: "posthouse queue list",
	}
}

func (r *remote) trace(ctx context.Context, asked string) (control.Trace, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	t, err := r.client.Trace(ctx, asked)
	if err == nil && t.Schema != control.TraceSchema {
		return t, otherVersion(t.Schema, control.TraceSchema)
	}
	return t, r.explain(err)
}

// traceOne is the trace of one message by its ID.
func traceOne(ctx context.Context, m mail, id string) (control.Trace, error) {
	t, err := m.trace(ctx, id)
	switch {
	case err != nil:
		return t, err
	case len(t.Messages) == 0:
		return t, noSuchMessage(id, false)
	case len(t.Messages) > 1:
		return t, &failure{code: exitUsage, what: fmt.Sprintf("%s names %d messages", id, len(t.Messages)), next: "posthouse trace " + id}
	}
	return t, nil
}

func (r *remote) queued(ctx context.Context, f control.QueueFilter, yield func(control.Queued) error) error {
	return elsewhere(r.explain(r.client.Queued(ctx, f, yield)))
}

// elsewhere is for what the service itself says of a question: its log knows no more, the list does.
func elsewhere(err error) error {
	var f *failure
	if errors.As(err, &f) && f.code == exitFailed {
		f.next = "posthouse queue list"
	}
	return err
}

func allQueued(ctx context.Context, m mail, f control.QueueFilter) (all []control.Queued, err error) {
	err = m.queued(ctx, f, func(q control.Queued) error { all = append(all, q); return nil })
	return all, err
}

func (r *remote) act(ctx context.Context, d control.Deed, yield func(control.Acted) error) error {
	return r.explain(r.client.Act(ctx, d, yield))
}
