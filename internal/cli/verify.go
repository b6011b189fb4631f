package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

func newVerify(a *app) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use: "verify [MAILBOX ...]", Short: "Read both sides again and name every item that is missing or extra",
		Long: `Reads the mailboxes of both sides again, all of them unless some are named, and compares them item by item. Where the cloud keeps messages as they are, the bodies of a few,
others each time, are compared too; with --full all of them.
Some servers for calendars and contacts write anew what they are given and lose a part of it: that is named as lost, and counts as no difference. Only --full finds all of it.
A mailbox is named by its address, or by anna@ where there is only one domain.

What was seen in the cloud and is there no more was removed by its owner or a rule of the cloud: it is named, and counts only where the owner does not read in the cloud yet.

Exit code: 0 when nothing is missing, extra or altered, 3 when something is, 1 when a mailbox could not be read, 69 when its server could not be reached.`,
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.mailboxNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c.Context(), args, full) },
	}
	c.Flags().BoolVar(&full, "full", false, "compare every body, not only a few of each mailbox")
	return c
}

// mailboxNames are for the shell's completion, which shows no failures.
func (a *app) mailboxNames(ctx context.Context) []string {
	r, err := a.quietly()
	if err != nil {
		return nil
	}
	s, err := r.status(ctx)
	if err != nil {
		return nil
	}
	return addresses(s)
}

// addresses are the mailboxes that can be verified: those that a reload took away cannot.
func addresses(s control.Status) []string {
	names := []string{}
	for _, m := range s.Mailboxes {
		if !m.Gone {
			names = append(names, m.Address)
		}
	}
	return names
}

// gone are the mailboxes that a reload took away.
func gone(s control.Status) []string {
	var names []string
	for _, m := range s.Mailboxes {
		if m.Gone {
			names = append(names, m.Address)
		}
	}
	return names
}

func (a *app) verify(ctx context.Context, args []string, full bool) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	names, err := pickMailboxes(s, args)
	if err != nil {
		return err
	}
	v := verifying{app: a, names: naming{domains: s.Domains}, home: homes(s), total: len(names), screen: newScreen(a.talk)}
	if len(args) == 0 {
		names, v.sum.Gone = nil, len(gone(s))
	}
	v.sum.full = full
	v.progress()
	err = r.verify(ctx, names, full, v.take)
	v.screen.draw()
	if err != nil {
		return err
	}
	return v.finish()
}

func homes(s control.Status) map[string]string {
	found := map[string]string{}
	for _, m := range s.Mailboxes {
		found[m.Address] = m.Home
	}
	return found
}

// pickMailboxes finds out which mailboxes are meant; none is all.
func pickMailboxes(s control.Status, args []string) ([]string, error) {
	known := addresses(s)
	if len(args) == 0 {
		return known, nil
	}
	var names []string
	for _, arg := range args {
		name := strings.ToLower(arg)
		if strings.HasSuffix(name, "@") && len(s.Domains) == 1 {
			name += s.Domains[0]
		}
		if slices.Contains(gone(s), name) {
			return nil, &failure{
				code: exitUsage, what: name + " is no longer in the configuration", cause: "it was taken out of the mailboxes file, and is followed until the restart",
				next: "systemctl restart posthouse",
			}
		}
		if !slices.Contains(known, name) {
			if !strings.Contains(name, "@") && len(s.Domains) > 0 {
				name += "@" + s.Domains[0]
			}
			return nil, &failure{code: exitUsage, what: fmt.Sprintf("no mailbox %q%s", arg, didYouMean(name, known)), next: "posthouse mailboxes"}
		}
		names = append(names, name)
	}
	return names, nil
}

// verifying is one run of verify.
type verifying struct {
	app    *app
	names  naming
	home   map[string]string // by address
	total  int
	done   int
	sum    verifySum
	screen *screen
}

// verifySum is the last line of `verify --json`, and what the exit code is made of.
type verifySum struct {
	Schema    string `json:"schema"` // "posthouse.verify-sum/1"
	Mailboxes int    `json:"mailboxes"`
	Equal     int    `json:"equal"`                       // mailboxes in which nothing is missing or extra
	Differ    int    `json:"differ"`                      // mailboxes
	Failed    int    `json:"failed"`                      // mailboxes that could not be read
	Items     int    `json:"items"`                       // that are on both sides
	Events    int    `json:"events,omitempty"`            // among them
	Contacts  int    `json:"contacts,omitempty"`          // among them
	Edited    int    `json:"edited,omitempty"`            // events and contacts among them that were changed in the cloud
	Noted     int    `json:"noted,omitempty"`             // events and contacts of which somebody should know
	Lost      int    `json:"lost,omitempty"`              // events and contacts of which the cloud's server lost a part
	Captured  int    `json:"captured"`                    // messages that the listeners took and that lie in the cloud
	Skipped   int    `json:"skipped"`                     // items, by rule
	Moved     int    `json:"moved"`                       // items found in another folder
	Merged    int    `json:"merged,omitempty"`            // items that share a copy with an equal one, as the cloud keeps one of them
	Missing   int    `json:"missing"`                     // items
	Extra     int    `json:"extra"`                       // items
	Altered   int    `json:"altered"`                     // items whose bodies differ
	Bodies    int    `json:"bodies"`                      // that were compared
	Removed   int    `json:"removed"`                     // items that were in the cloud and are there no more
	LeftOut   int    `json:"keywords_left_out,omitempty"` // on copies, since the cloud does not take them
	// Unreachable is how many of the failed mailboxes have a server that could not be reached.
	Unreachable int `json:"unreachable"`
	// Gone is how many mailboxes are not among them because a reload took them out of the configuration.
	Gone int `json:"gone,omitempty"`

	full bool // all bodies were read, not only a few
}

// take shows one mailbox's result as it comes in.
func (v *verifying) take(r control.Verified) error {
	v.done++
	v.sum.add(r, v.home[r.Mailbox] == "cloud")
	if v.app.json {
		v.app.out.object(r)
	} else {
		v.screen.draw() // stdout may be the same terminal
		v.app.out.print(verifiedView(r, v.names)...)
	}
	v.progress()
	return v.app.out.err
}

// progress says how far it is, on a terminal.
func (v *verifying) progress() {
	if v.app.talk.terminal && !v.app.quiet && !v.app.json && v.done < v.total {
		v.screen.draw(doneLine("verify", v.done, v.total))
	}
}

func (v *verifying) finish() error {
	v.sum.Schema = "posthouse.verify-sum/1"
	if v.app.json {
		v.app.out.object(v.sum)
	} else {
		v.app.out.print(verifySumView(v.sum)...)
	}
	if v.done < v.total {
		return &failure{
			code: exitFailed, what: fmt.Sprintf("only %s of %s mailboxes were verified", count(v.done), count(v.total)),
			cause: "the service was stopped, or the mailboxes file changed meanwhile", next: "posthouse verify",
		}
	}
	return v.sum.status()
}

// add takes one mailbox. What was removed in the cloud is a difference only where its owner does not read there yet: nobody should have removed it.
func (s *verifySum) add(r control.Verified, cloudHome bool) {
	s.Mailboxes++
	switch {
	case r.Error != "":
		s.Failed++
		if unreachable(r.Error) {
			s.Unreachable++
		}
	case len(r.Missing)+len(r.Extra)+len(r.Altered) > 0, len(r.Removed) > 0 && !cloudHome:
		s.Differ++
	default:
		s.Equal++
	}
	s.Items += r.Equal + r.Events + r.Contacts
	s.Events, s.Contacts, s.Edited, s.Noted, s.Lost = s.Events+r.Events, s.Contacts+r.Contacts, s.Edited+r.Edited, s.Noted+len(r.Noted), s.Lost+len(r.Lost)
	s.Captured += r.Captured
	s.Skipped += r.Skipped
	s.Moved += r.Moved
	s.Merged += r.Merged
	s.Missing += len(r.Missing)
	s.Extra += len(r.Extra)
	s.Altered += len(r.Altered)
	s.Bodies += r.Bodies
	s.Removed += len(r.Removed)
	for _, l := range r.LeftOut {
		s.LeftOut += l.Messages
	}
}

// status is the exit code: what could not be read weighs more than what differs, because nobody knows what it hides.
func (s *verifySum) status() error {
	switch {
	case s.Failed > s.Unreachable:
		return status(exitFailed)
	case s.Failed > 0:
		return status(exitUnreachable)
	case s.Differ > 0:
		return status(exitSome)
	}
	return nil
}

// unreachable recognises an error text that speaks of the network rather than of the mailbox.
func unreachable(text string) bool {
	for _, sign := range []string{
		"connection refused", "no route to host", "network is unreachable", "i/o timeout", "no such host", "connection reset", "connection timed out",
		"host is down", "temporary failure in name resolution", "server misbehaving",
	} {
		if strings.Contains(strings.ToLower(text), sign) {
			return true
		}
	}
	return false
}
