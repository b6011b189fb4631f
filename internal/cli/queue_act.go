package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
	"posthouse/ledger"
)

// deed is a command that changes deliveries.
type deed struct {
	control.Deed
	past   string                 // "released"
	fits   []ledger.DeliveryState // in which it can be done
	warns  string                 // said when it is asked for; may be empty
	asks   bool                   // even for IDs
	yes    bool
	filter queueFlags
}

// command makes the command of a deed.
func (d *deed) command(a *app, use, short, long string) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long,
		RunE: func(c *cobra.Command, args []string) error { return a.act(c.Context(), *d, args) },
	}
	d.filter.addTo(c)
	c.Flags().BoolVar(&d.filter.all, "all", false, "everything that it can be done to")
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	return c
}

func newQueueHold(a *app) *cobra.Command {
	d := &deed{Deed: control.Deed{Do: "hold"}, past: "held", fits: []ledger.DeliveryState{ledger.Due, ledger.InDoubt}}
	c := d.command(a, "hold [ID ...]", "Keep mail from being sent until it is released", "")
	c.Flags().StringVar(&d.Why, "why", "", "a `text` for those who find it held")
	return c
}

func newQueueRelease(a *app) *cobra.Command {
	d := &deed{Deed: control.Deed{Do: "release"}, past: "released", fits: []ledger.DeliveryState{ledger.Held, ledger.Quiet}}
	return d.command(a, "release [ID ...]", "Let held mail go on",
		"Lets held mail go on: it is tried at once, and for as long as new mail is. What may have arrived already is asked for first, and sent only where it is not there.")
}

func newQueueRetry(a *app) *cobra.Command {
	d := &deed{Deed: control.Deed{Do: "retry"}, past: "tried again", fits: []ledger.DeliveryState{ledger.Due}}
	return d.command(a, "retry [ID ...]", "Try now what waits for its next attempt", "")
}

func newQueueMove(a *app) *cobra.Command {
	d := &deed{Deed: control.Deed{Do: "move"}, past: "moved", fits: []ledger.DeliveryState{ledger.Held, ledger.Due, ledger.Quiet}}
	c := d.command(a, "move [ID ...] [--recipient ADDRESS] [--by SERVER:smtp|SERVER:mailbox]", "Send mail to another mailbox, or another way",
		"Sends mail to another mailbox (--recipient, an address of ours), or another way to the same one (--by), and lets it go on. Nobody who has the message gets it once more.")
	c.Flags().StringVar(&d.Recipient, "recipient", "", "the `address` that gets it instead")
	c.Flags().StringVar(&d.By, "by", "", "the `destination`: SERVER:smtp, or SERVER:mailbox to put it into the cloud mailbox")
	c.MarkFlagsOneRequired("recipient", "by")
	return c
}

func newQueueDrop(a *app) *cobra.Command {
	d := &deed{Deed: control.Deed{Do: "drop"}, past: "dropped", fits: []ledger.DeliveryState{ledger.Held, ledger.Quiet, ledger.Due}, asks: true,
		warns: "It reaches nobody then; a copy is kept in the folder dropped of the state folder."}
	c := d.command(a, "drop [ID ...]", "Give mail up; a copy is kept", "Gives mail up: it is not sent any more, and keeps nothing open. Asks first, and keeps a copy of each as an .eml file in the folder dropped of the state folder. With --notify its sender is told that it was not delivered, unless it asked not to be, or is a program.")
	c.Flags().BoolVar(&d.Notify, "notify", false, "tell the senders that it was not delivered")
	c.Flags().StringVar(&d.Why, "why", "", "with --notify: a `text` for the senders; without it they are told in general words")
	return c
}

func newQueueResend(a *app) *cobra.Command {
	d := &deed{Deed: control.Deed{Do: "resend"}, past: "sent again", fits: []ledger.DeliveryState{ledger.Settled, ledger.Accepted, ledger.Dropped}, asks: true,
		warns: "A second copy arrives: whoever has it gets it again."}
	c := &cobra.Command{
		Use: "resend ID|Message-ID ... [--recipient ADDRESS] [--by SERVER:smtp|SERVER:mailbox]", Short: "Send once more what was delivered or dropped", Args: cobra.MinimumNArgs(1),
		Long: `Sends a message once more that was delivered, or dropped, as long as it is kept (relay.retention): to those who were to have it (--to chooses among them), or to another mailbox of ours (--recipient).
A second copy arrives, even where the first lies in the mailbox, so it asks first. It is a message of its own, with its own ID: "posthouse trace" tells of both. A cloud that merges equal messages may show none.`,
		RunE: func(c *cobra.Command, args []string) error { return a.act(c.Context(), *d, args) },
	}
	c.Flags().StringVar(&d.filter.to, "to", "", "only what went to this `address`")
	c.Flags().StringVar(&d.Recipient, "recipient", "", "the `address` that gets it instead")
	c.Flags().StringVar(&d.By, "by", "", "the `destination`: SERVER:smtp, or SERVER:mailbox to put it into the cloud mailbox")
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	return c
}

// act finds the deliveries, asks where that is due, and does it.
func (a *app) act(ctx context.Context, d deed, ids []string) error {
	if err := d.filter.check(); err != nil {
		return err
	}
	if len(ids) == 0 && !d.filter.any() && !d.filter.all {
		return &failure{code: exitUsage, what: "name messages by ID, or choose them by --reason, --from, --to, --older or --all", next: "posthouse queue list"}
	}
	r, err := a.reach()
	if err != nil {
		return err
	}
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	chosen, err := r.chosen(ctx, d, ids)
	if err != nil {
		return err
	}
	v := naming{domains: s.Domains}
	if len(chosen) == 0 {
		return &failure{code: exitFailed, what: "nothing there that could be " + d.past, next: "posthouse queue list"}
	}
	if d.asks || len(ids) == 0 {
		if !d.yes {
			if err := d.hopeless(chosen, v); err != nil {
				return err
			}
			if err := a.ask(d, queueView(chosen, v, s.At.In(a.zone)), len(chosen)); err != nil {
				return err
			}
		}
	}
	for _, q := range chosen {
		d.Deliveries = append(d.Deliveries, q.Delivery)
	}
	return a.doIt(ctx, r, d, v)
}

// chosen are the deliveries that a deed is for. Those of a named message to which it cannot be done are left out, unless nothing is left: then the service says why.
func (r *remote) chosen(ctx context.Context, d deed, ids []string) ([]control.Queued, error) {
	all, err := allQueued(ctx, r, d.filter.filter(ids))
	fit := slices.DeleteFunc(slices.Clone(all), func(q control.Queued) bool { return !d.fit(q) })
	if len(fit) == 0 && len(ids) > 0 {
		return all, err
	}
	return fit, err
}

// hopeless is why nobody needs to be asked: the deed can be done to none of them as they stand. It is not left to the service to refuse, as until then one may have become such that
// it would be done, and nobody said yes.
func (d *deed) hopeless(chosen []control.Queued, v naming) error {
	if slices.ContainsFunc(chosen, d.fit) {
		return nil
	}
	w := chosen[0].Waiting
	how := "is " + w.State
	switch ledger.DeliveryState(w.State) {
	case ledger.Settled:
		how = "has arrived"
	case ledger.Accepted:
		how = "was accepted by " + w.Destination
	case ledger.Sending:
		how = "is just being sent"
	}
	what := fmt.Sprintf("it cannot be %s: %s   %s %s", d.past, shortIDs(chosen)[w.Capture], v.short(w.To), how)
	if len(chosen) > 1 {
		what += fmt.Sprintf(", and %d more", len(chosen)-1)
	}
	return &failure{code: exitFailed, what: what, next: "posthouse queue show " + w.Capture}
}

func (d *deed) fit(q control.Queued) bool {
	return slices.Contains(d.fits, ledger.DeliveryState(q.Waiting.State))
}

// ask shows what it is about, and goes on at a yes only.
func (a *app) ask(d deed, about []line, n int) error {
	if a.json {
		return &failure{code: exitUsage, what: "with --json nobody is asked", next: "posthouse queue " + d.Do + " --yes"}
	}
	a.talk.print(about...)
	text := fmt.Sprintf("%s %s?", d.Do, counted(n, "delivery", "deliveries"))
	if d.warns != "" {
		text = d.warns + " " + text
	}
	fmt.Fprint(a.talk, text+" [y/N] ")
	answer := bufio.NewScanner(a.in)
	if answer.Scan() && (answer.Text() == "y" || answer.Text() == "yes") {
		return nil
	}
	fmt.Fprintln(a.talk)
	return &failure{code: exitFailed, what: "nothing was done"}
}

func (a *app) doIt(ctx context.Context, r *remote, d deed, v naming) error {
	done, not := 0, 0
	err := r.act(ctx, d.Deed, func(one control.Acted) error {
		if one.Error == "" {
			done++
		} else {
			not++
		}
		if a.json {
			a.out.object(one)
		} else {
			a.out.print(actedView(one, v)...)
		}
		return a.out.err
	})
	switch {
	case err != nil:
		return err
	case done == 0:
		return status(exitFailed)
	case not > 0:
		return status(exitSome)
	}
	return nil
}
