package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"posthouse/evidence"
)

func newEvidenceExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "All that the verdicts are made of, as JSON", Args: cobra.NoArgs,
		Long: `Prints the policies and the testimony: each sender's, device's and user's days of use, coverage, open work. It names people. posthouse evidence judge makes the verdicts of it
anew, anywhere and at any time.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := a.reach()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), answerTime)
			defer cancel()
			e, err := r.client.Export(ctx)
			if err != nil {
				return r.explain(err)
			}
			a.out.object(e)
			return a.out.err
		},
	}
}

func newEvidenceJudge(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "judge [FILE]", Short: "Make the verdicts anew of what was exported", Args: cobra.MaximumNArgs(1),
		Long: `Reads what posthouse evidence export printed, from a file or standard input, and judges it, without a service.

Exit code: that of the first verdict, on the mailbox server: 0 ready, 4 not yet, 5 blind.`,
		RunE: func(_ *cobra.Command, args []string) error { return a.judge(args) },
	}
}

// judged is a verdict as an object of its own.
type judged struct {
	Schema string `json:"schema"`
	evidence.Verdict
}

const verdictSchema = "posthouse.verdict/1"

func (a *app) judge(args []string) error {
	from, name := a.in, "standard input"
	if len(args) > 0 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		from, name = file, args[0]
	}
	e, err := readExport(from)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	all := e.Verdicts()
	for _, v := range all {
		if a.json {
			a.out.object(judged{verdictSchema, v})
			continue
		}
		for l := range strings.SplitSeq(evidence.Sentence(v, e.At.In(a.zone)), "\n") {
			a.out.print(line{{plain, l}})
		}
	}
	if a.out.err != nil {
		return a.out.err
	}
	return stateStatus(all[0].State)
}

func readExport(from io.Reader) (e evidence.Export, err error) {
	if err := json.NewDecoder(from).Decode(&e); err != nil {
		return e, fmt.Errorf("it is no export of the evidence, or not a whole one: %w", err)
	}
	if e.Schema != evidence.ExportSchema || len(e.Policies) == 0 {
		return e, fmt.Errorf("it is no export of the evidence (%q)", evidence.ExportSchema)
	}
	return e, nil
}
