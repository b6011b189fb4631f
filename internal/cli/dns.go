package cli

import (
	"context"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

func newDNS(a *app) *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use: "dns [DOMAIN ...]", Short: "What DNS says of the domains: where their mail goes, and since when",
		Long: `Shows of each domain where its MX records lead and since when, what its servers and resolvers say, what changed, and what somebody should look at.

Exit code: 0 when nothing needs attention, 3 when something does, 69 when posthouse is not running.`,
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.domainNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return a.dns(c.Context(), args, now) },
	}
	c.Flags().BoolVar(&now, "now", false, "look anew, and do not wait until it is due")
	return c
}

func (a *app) dns(ctx context.Context, domains []string, now bool) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	attention, shown := false, 0
	err = r.dns(ctx, domains, now, func(d control.Domain) error {
		attention = attention || alarming(d)
		if a.json {
			a.out.object(d)
			return a.out.err
		}
		if shown++; shown > 1 {
			a.out.print(line{})
		}
		a.out.print(dnsView(d, a.zone, now)...)
		return a.out.err
	})
	switch {
	case err != nil:
		return err
	case attention:
		return status(exitSome)
	}
	return nil
}

func alarming(d control.Domain) bool {
	for _, f := range d.Findings {
		if f.Alarm {
			return true
		}
	}
	return false
}

// domainNames are for completion; without a service there are none.
func (a *app) domainNames(ctx context.Context) []string {
	r, err := a.quietly()
	if err != nil {
		return nil
	}
	s, _ := r.status(ctx)
	return s.Domains
}

func (r *remote) dns(ctx context.Context, domains []string, now bool, yield func(control.Domain) error) error {
	return r.explain(r.client.DNS(ctx, domains, now, yield))
}
