package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

// tailFlags choose among what happens; an empty one chooses all.
type tailFlags struct {
	from, to, client, route, source, channel, sender string

	refused bool
}

func newTail(a *app) *cobra.Command {
	var f tailFlags
	c := &cobra.Command{
		Use: "tail", Short: "Mail and use of the old server, live, across all sources", Args: cobra.NoArgs,
		Long: `Shows, until it is interrupted, each attempt to deliver a captured message and what came of it, recipients that were refused and clients that broke the rules,
and what logs and new items in old mailboxes tell of the old server: logins, mail that arrives or is sent there, and what it puts into its mailboxes. With --json also each message as it is taken.
The filters choose among them: an ADDRESS may be @DOMAIN, a client is named by its address, its network (10.0.4.0/24) or a part of its name.

Exit code: 0 when it was interrupted, 1 when posthouse ended, 2 for a filter that can choose nothing, 69 when it is not running.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.tail(c.Context(), f) },
	}
	c.Flags().StringVar(&f.from, "from", "", "only mail from this `address`")
	c.Flags().StringVar(&f.to, "to", "", "only mail to this `address`")
	c.Flags().StringVar(&f.client, "client", "", "only from this `client`")
	c.Flags().StringVar(&f.route, "route", "", "only by this `route`: "+strings.Join(tailRoutes, ", "))
	c.Flags().StringVar(&f.source, "source", "", "only what this `source` told of: a listener, a log, or mailboxes")
	c.Flags().StringVar(&f.channel, "channel", "", "only by this `channel`: "+strings.Join(tailChannels, ", "))
	c.Flags().StringVar(&f.sender, "sender", "", "only of this `sender`: an address, a user, or a sending system's name")
	c.Flags().BoolVar(&f.refused, "refused", false, "only what was refused, and clients that broke the rules")
	return c
}

func (a *app) tail(ctx context.Context, f tailFlags) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	ctx, stop := a.untilTold(ctx)
	defer stop()
	chosen, err := f.choice()
	if err != nil {
		return err
	}
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	if err := f.check(s); err != nil {
		return err
	}
	names := naming{domains: s.Domains}
	err = r.client.Tail(ctx, func() {}, func(e control.Event) error {
		switch {
		case !chosen(e):
		case a.json:
			a.out.object(e)
		default:
			a.out.print(eventView(e, names, a.zone)...)
		}
		return a.out.err
	})
	switch {
	case ctx.Err() != nil:
		return nil
	case a.out.err != nil:
		return a.out.err
	case err == nil:
		err = errors.New("posthouse ended")
	}
	return r.explain(err)
}

// choice is a function of what the flags choose.
func (f tailFlags) choice() (func(control.Event) bool, error) {
	client, err := clientFilter(f.client)
	if err != nil {
		return nil, err
	}
	return func(e control.Event) bool {
		refused := e.What == control.RecipientRefused || e.What == control.ClientAbused
		return (!f.refused || refused) && (f.route == "" || f.route == e.Route) && client(e) &&
			(f.source == "" || f.source == e.Source || f.source == e.Listener) && (f.channel == "" || f.channel == e.Channel) && f.sentBy(e) &&
			(f.from == "" || is(f.from, e.From)) && (f.to == "" || anyIs(f.to, e.To))
	}, nil
}

// sentBy tells whether the sender is who is asked for, under any of the names that are known of him.
func (f tailFlags) sentBy(e control.Event) bool {
	return f.sender == "" || is(f.sender, e.From) || is(f.sender, e.User) || is(f.sender, e.Client)
}

// is tells whether an address is the one that is asked for, or in the @DOMAIN.
func is(asked, address string) bool {
	asked, address = strings.ToLower(asked), strings.ToLower(strings.Trim(address, "<>"))
	return asked == address || strings.HasPrefix(asked, "@") && strings.HasSuffix(address, asked) || strings.HasSuffix(asked, "@") && strings.HasPrefix(address, asked)
}

func anyIs(asked string, addresses []string) bool {
	for _, address := range addresses {
		if is(asked, address) {
			return true
		}
	}
	return false
}
