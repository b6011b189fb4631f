package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"
)

// pathObject is the result of `config path --json`.
type pathObject struct {
	Schema string `json:"schema"` // "posthouse.path/1"
	Config string `json:"config"`
	Socket string `json:"socket,omitempty"` // empty where the file cannot be read
}

func newConfigPath(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "path", Short: "Print which configuration file is used", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path, err := filepath.Abs(a.config)
			if err != nil {
				return err
			}
			if a.json {
				at, _, _ := a.place() // the path is asked for, and often to mend the file
				a.out.object(pathObject{Schema: "posthouse.path/1", Config: path, Socket: at.socket})
				return nil
			}
			a.out.print(line{{plain, path}})
			return nil
		},
	}
}
