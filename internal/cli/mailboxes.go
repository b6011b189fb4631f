package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

// mailboxesFlags are those of `mailboxes`.
type mailboxesFlags struct {
	waves []string
	watch bool
}

func newMailboxes(a *app) *cobra.Command {
	var f mailboxesFlags
	c := &cobra.Command{
		Use: "mailboxes [MAILBOX ...]", Short: "How far each mailbox is, one line each",
		Long: `Shows the mailboxes, all of them unless some are named: what has a problem first, then what is being copied, waits, and is followed.
Of those that are named the folders that are left out are shown too, with the reason, and the keywords that the cloud does not take. A mailbox is named by its address, or by anna@ where there is only one domain.

Exit code: 0 when none needs attention, 3 when some have a problem, 69 when posthouse is not running.`,
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.mailboxNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return a.mailboxes(c.Context(), args, f) },
	}
	c.Flags().StringSliceVar(&f.waves, "wave", nil, "only the mailboxes of these `waves`")
	c.Flags().BoolVarP(&f.watch, "watch", "w", false, "stay, and show what changes, until interrupted")
	return c
}

func (a *app) mailboxes(ctx context.Context, args []string, f mailboxesFlags) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	ask := func(ctx context.Context) (control.Status, error) {
		s, err := r.status(ctx)
		if err != nil {
			return s, err
		}
		names, err := wantedMailboxes(s, args, f.waves)
		return onlyMailboxes(s, names), err
	}
	show := mailboxesShow{zone: a.zone, skipped: len(args) > 0}
	if f.watch {
		return a.watch(ctx, ask, show)
	}
	s, err := ask(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.objects(show.objects(s))
		return show.code(s)
	}
	s, speeds, err := a.sampled(ctx, ask, s)
	if err != nil {
		return err
	}
	a.out.print(mailboxesView(s, speeds, a.zone, show.skipped)...)
	return show.code(s)
}

// mailboxesShow is what `mailboxes` shows of a status that has the wanted mailboxes only.
type mailboxesShow struct {
	zone    *time.Location
	skipped bool // folders that are left out too
}

func (o mailboxesShow) block(s control.Status, p *speeds, _, height int) []line {
	lines := mailboxesView(s, p, o.zone, o.skipped)
	if height > 0 {
		lines = shortened(lines, max(height-2, 1)) // the sum above, the cursor below
	}
	return append([]line{sumLine(s, p)}, lines...)
}

func (mailboxesShow) text(s control.Status, p *speeds) string { return progressText(s, p.all.rate()) }

// mailboxObject is a mailbox of the status that stands for itself.
type mailboxObject struct {
	Schema string    `json:"schema"` // "posthouse.mailbox/1"
	At     time.Time `json:"at"`     // the instant of the status
	control.Mailbox
}

func (mailboxesShow) objects(s control.Status) []any {
	all := make([]any, len(s.Mailboxes))
	for i, m := range s.Mailboxes {
		all[i] = mailboxObject{Schema: "posthouse.mailbox/1", At: s.At, Mailbox: m}
	}
	return all
}

func (mailboxesShow) code(s control.Status) error {
	for _, m := range s.Mailboxes {
		if needsAttention(m) {
			return status(exitSome)
		}
	}
	return nil
}

// needsAttention reports whether something ails a mailbox. That one of its sides has no mailbox server was decided.
func needsAttention(m control.Mailbox) bool { return m.Error != "" && m.State != stateUnfollowed }

// objectsNeedAttention reports whether a mailbox's calendars cannot go on.
func objectsNeedAttention(m control.Mailbox) bool { return m.Objects != nil && m.Objects.Error != "" }
