package cli

import "github.com/spf13/cobra"

// newHelp is cobra's help command, but that it refuses what is no command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about any command",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err == nil {
				err = known(about, rest)
			}
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// refuseUnknown lets --help refuse a word that is none of a group's commands; cobra would explain the group.
func (a *app) refuseUnknown(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c.HasSubCommands() {
			if a.noHelp = known(c, c.Flags().Args()); a.noHelp != nil {
				return
			}
		}
		help(c, args)
	})
}
