package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthouse/config"
	"posthouse/evidence"
	"posthouse/internal/control"
)

// lengthFlag is a length of time on the command line, written as in the configuration: 7d, 12h.
type lengthFlag time.Duration

func (l *lengthFlag) String() string { return "" }
func (l *lengthFlag) Type() string   { return "time" }
func (l *lengthFlag) Set(text string) error {
	d, err := config.ParseDuration(text)
	*l = lengthFlag(d)
	return err
}

func newSenders(a *app) *cobra.Command {
	var since lengthFlag
	var all bool
	c := &cobra.Command{
		Use: "senders", Short: "Who still uses the old server, why, and what to do about it", Args: known,
		Long: `Lists the senders, devices and users that may still use the old side, the likeliest first: those seen there since the MX record was switched and not on the new side
since, and those that come so seldom that they were seen on neither. With --since those that used it within that time, with --all everybody.

posthouse advise NAME has a text to write to one. Who may go on as he does is accepted: posthouse senders accept NAME.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return asFailure(a.senders(c.Context(), time.Duration(since), all))
		},
	}
	c.Flags().Var(&since, "since", "those that used the old side within this `time`, such as 7d or 12h")
	c.Flags().BoolVar(&all, "all", false, "everybody, those that have moved too")
	c.AddCommand(newSendersAccept(a))
	return c
}

func (a *app) senders(ctx context.Context, since time.Duration, all bool) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	s, err := r.senders(ctx)
	if err != nil {
		return err
	}
	shown := []evidence.Sender{}
	for _, one := range s.Senders {
		if all || since > 0 && one.LastOld.After(s.At.Add(-since)) || since == 0 && one.Open() {
			shown = append(shown, one)
		}
	}
	s.Senders = shown
	if a.json {
		a.out.object(s)
		return a.out.err
	}
	a.out.print(sendersView(s, s.At.In(a.zone))...)
	return a.out.err
}

func newSendersAccept(a *app) *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use: "accept NAME ...", Short: "Let a sender, a device or a user go on as he does", Args: cobra.MinimumNArgs(1),
		Long: `Whoever is accepted does not keep a verdict from being ready any more: what he sends by the old way after that is lost or comes back to him. A name is one of
posthouse senders, or a domain, which stands for all its hosts; "newcomers" are all who were never seen. Who said so is recorded. --undo takes it back. The configuration may name some too: verdict.accepted.`,
		ValidArgsFunction: a.completeSenders,
		RunE:              func(c *cobra.Command, args []string) error { return a.acceptSenders(c.Context(), args, undo) },
	}
	c.Flags().BoolVar(&undo, "undo", false, "take it back")
	return c
}

func (a *app) acceptSenders(ctx context.Context, names []string, undo bool) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	err = r.explain(r.client.AcceptSenders(ctx, names, undo, func(one control.Accepted) error {
		if a.json {
			a.out.object(one)
		} else {
			a.out.print(acceptedSender(one))
		}
		return a.out.err
	}))
	var f *failure
	if errors.As(err, &f) && f.code == exitFailed {
		f.next = "posthouse senders --all"
	}
	return err
}

func acceptedSender(one control.Accepted) line {
	text := one.Name + "   accepted by " + one.By
	if one.Undone {
		text = one.Name + "   not accepted any more, by " + one.By
	}
	return line{{good, "✓ "}, {plain, text}}
}

// routes are the ways as people see them.
var routes = map[evidence.Channel]string{evidence.Arriving: "outside", evidence.Sending: "sending", evidence.Login: "login"}

func sendersView(s control.Senders, now time.Time) []line {
	var lines []line
	if len(s.Senders) == 0 {
		lines = []line{{{dim, "nobody is known who may still use the old side"}}}
	} else {
		rows := [][]string{{"SENDER", "ROUTE", "7 D", "LAST", "CHANCE", "WHY", "WHAT TO DO"}}
		for _, one := range s.Senders {
			rows = append(rows, []string{one.Name, routes[one.Channel], dash(one.Recent), lastText(one, now), chanceText(one.Chance), one.Why, helpText(one)})
		}
		lines = tableLines(rows)
	}
	if s.Switched.IsZero() {
		lines = append(lines, line{}, labelled("mx", span{plain, "not known to be switched: posthouse dns; if it was, say when (verdict.mx_switched)"}))
	}
	if len(s.Accepted) == 0 {
		return lines
	}
	var names []string
	for _, one := range s.Accepted {
		names = append(names, one.Name)
	}
	return append(lines, line{}, labelled("accepted", span{plain, strings.Join(names, " · ")}))
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return count(n)
}

func lastText(s evidence.Sender, now time.Time) string {
	if s.LastOld.IsZero() {
		return "-"
	}
	if now.Sub(s.LastOld) > 48*time.Hour {
		return s.LastOld.In(now.Location()).Format("2 Jan 2006")
	}
	return ago(s.LastOld, now)
}

// chanceText is rounded up.
func chanceText(chance float64) string {
	switch {
	case chance == 0:
		return "-"
	case chance < 0.01:
		return "< 1 %"
	}
	return likelihood(chance)
}

// likelihood is rounded up: what is told is how much to expect at most.
func likelihood(chance float64) string { return fmt.Sprintf("%.0f %%", min(100, 100*chance+0.499)) }

func helpText(s evidence.Sender) string {
	if s.Channel == evidence.Arriving && s.Help != "" && s.Name != evidence.Newcomers {
		return s.Help + ": posthouse advise '" + s.Name + "'"
	}
	return s.Help
}

func (r *remote) senders(ctx context.Context) (control.Senders, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	s, err := r.client.Senders(ctx)
	if err == nil && s.Schema != control.SendersSchema {
		return s, otherVersion(s.Schema, control.SendersSchema)
	}
	return s, r.explain(err)
}

// completeSenders are for completion; without a service there are none.
func (a *app) completeSenders(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	r, err := a.quietly()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, _ := r.senders(c.Context())
	var names []string
	for _, one := range s.Senders {
		names = append(names, one.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
