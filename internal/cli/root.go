package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"posthouse/internal/control"
)

const errorSchema = control.ErrorSchema

// defaultConfig is where the configuration lies when nobody says otherwise: the service's own folder.
const defaultConfig = "/etc/posthouse/posthouse.toml"

// commands are all of them, in the order of the help.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newRun(a),
		newBackfill(a),
		newDemo(a),
		newStatus(a),
		newSenders(a),
		newAdvise(a),
		newEvidence(a),
		newMailboxes(a),
		newVerify(a),
		newQueue(a),
		newTrace(a),
		newTail(a),
		newDNS(a),
		newConfig(a),
		newVersion(a),
	}
}

const rootLong = `posthouse stands next to an old mail server while an organisation moves to the cloud:
it takes the mail that still arrives by the old way, copies and follows the mailboxes,
and says, with evidence, when the old server may be switched off.

Exit codes: 0 done or ready, 1 failed, 2 usage, 3 done but some items failed, 4 not yet, 5 blind,
69 other side unreachable, 75 try later, 77 permission, 78 configuration.`

func newRoot(a *app) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use: "posthouse", Short: "Stands by the old mail server through a move to the cloud", Long: rootLong,
		SilenceErrors: true, SilenceUsage: true, Args: known,
		RunE: func(c *cobra.Command, args []string) error {
			if version {
				a.version()
				return nil
			}
			return needsCommand(c, args)
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.SetHelpCommand(newHelp())
	a.refuseUnknown(root)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.talk)
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", configFromEnvironment(), "configuration `file`; $POSTHOUSE_CONFIG sets another default")
	flags.BoolVar(&a.json, "json", false, "print the result as one JSON object, or one a line")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print the result and failures only")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(commands(a)...)
	for _, c := range root.Commands() {
		mark(c)
	}
	return root
}

func configFromEnvironment() string {
	if path := os.Getenv("POSTHOUSE_CONFIG"); path != "" {
		return path
	}
	return defaultConfig
}

// mark makes every error that a command itself returns a failure, so that what remains is cobra's: wrong usage.
func mark(c *cobra.Command) {
	if run := c.RunE; run != nil && !c.HasSubCommands() {
		c.RunE = func(c *cobra.Command, args []string) error { return asFailure(run(c, args)) }
	}
	for _, sub := range c.Commands() {
		mark(sub)
	}
}

// known refuses a word that is none of a group's commands.
func known(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), didYouMean(args[0], names))
}

// needsCommand is what a group does when none of its commands is named.
func needsCommand(c *cobra.Command, _ []string) error {
	fmt.Fprintln(c.ErrOrStderr(), c.UsageString())
	return fmt.Errorf("%q needs a command", c.CommandPath())
}

// flagError names the flag that was probably meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return fmt.Errorf("%w (%s)", err, c.CommandPath())
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return fmt.Errorf("%w for %q%s", err, c.CommandPath(), didYouMean("--"+unknown.GetSpecifiedName(), names))
}
