package cli

import "github.com/spf13/cobra"

func newConfig(a *app) *cobra.Command {
	group := &cobra.Command{Use: "config", Short: "Check, compare and begin configurations", Args: known, RunE: needsCommand}
	group.AddCommand(newConfigValidate(a), newConfigExample(a), newConfigDiff(a), newConfigPath(a))
	return group
}
