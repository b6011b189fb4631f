package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

func newEvidence(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "evidence", Short: "What the verdict rests on: each source, how well it is watched, what it sees", Args: known,
		Long: `Shows each source of evidence (listeners, the growth of the old mailboxes, logs): the share of the window in which it was watched and the gaps in it, its last line, lines and uses,
lines that were not understood, the test traffic of our own (canary), and messages that a log says were delivered on the old side and that lie on neither side now.

Exit code: 0 when every required source is being watched, 5 when one is blind, 69 when posthouse is not running.`,
		RunE: func(c *cobra.Command, _ []string) error { return asFailure(a.evidence(c.Context())) },
	}
	c.AddCommand(newEvidenceAccept(a), newEvidenceExport(a), newEvidenceJudge(a))
	return c
}

func (a *app) evidence(ctx context.Context) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	e, err := r.evidence(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.out.object(e)
	} else {
		a.out.print(evidenceView(e, e.At.In(a.zone))...)
	}
	if slices.ContainsFunc(e.Sources, func(w control.Watched) bool { return w.Required && w.Blind != "" }) {
		return status(exitBlind)
	}
	return nil
}

func newEvidenceAccept(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "accept NUMBER|MAILBOX|all ...", Short: "Say that it is well that messages are missing", Args: cobra.MinimumNArgs(1),
		Long: `Takes messages for well that were delivered on the old side and lie on neither side now: their owner has them (fetched by POP3), or wants none of them (discarded by a rule).
They do not keep the verdict from being ready any more; who said so is recorded.`,
		RunE: func(c *cobra.Command, args []string) error {
			if slices.Contains(args, "all") && !yes {
				return &failure{code: exitUsage, what: "all of them at once are accepted with --yes only", next: "posthouse evidence"}
			}
			return a.acceptMissing(c.Context(), args)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "accept all without being asked")
	return c
}

func (a *app) acceptMissing(ctx context.Context, names []string) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	for i, name := range names {
		names[i] = a.whole(ctx, r, name)
	}
	err = r.explain(r.client.Accept(ctx, names, func(m control.Missing) error {
		if a.json {
			a.out.object(m)
		} else {
			a.out.print(acceptedView(m)...)
		}
		return a.out.err
	}))
	return evidenceNext(err)
}

func (r *remote) evidence(ctx context.Context) (control.Evidence, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	e, err := r.client.Evidence(ctx)
	if err == nil && e.Schema != control.EvidenceSchema {
		return e, otherVersion(e.Schema, control.EvidenceSchema)
	}
	return e, r.explain(err)
}
