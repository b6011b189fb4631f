package cli

import (
	"io"

	"github.com/spf13/cobra"

	"posthouse/config"
)

// exampleObject is the result of `config example --json`.
type exampleObject struct {
	Schema    string `json:"schema"` // "posthouse.example/1"
	Config    string `json:"config"`
	Mailboxes string `json:"mailboxes"`
}

func newConfigExample(a *app) *cobra.Command {
	var mailboxes bool
	c := &cobra.Command{
		Use: "example", Short: "Print a documented configuration to begin with", Args: cobra.NoArgs,
		Example: "  posthouse config example > posthouse.toml\n  posthouse config example --mailboxes > mailboxes.csv",
		RunE: func(*cobra.Command, []string) error {
			switch {
			case a.json:
				a.out.object(exampleObject{Schema: "posthouse.example/1", Config: config.Example(), Mailboxes: config.ExampleMailboxes()})
				return nil
			case mailboxes:
				return a.write(config.ExampleMailboxes())
			}
			if !a.out.terminal {
				a.say(labelled("next", span{plain, "fill it in, then: posthouse config validate FILE"}))
			}
			return a.write(config.Example())
		},
	}
	c.Flags().BoolVar(&mailboxes, "mailboxes", false, "print a mailboxes file instead")
	return c
}

// write puts text out as it is.
func (a *app) write(text string) error {
	_, err := io.WriteString(a.out, text)
	return err
}
