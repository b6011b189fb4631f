package cli

import (
	"github.com/spf13/cobra"

	"posthouse/config"
)

// diffObject is the result of `config diff --json`.
type diffObject struct {
	Schema  string         `json:"schema"` // "posthouse.diff/1"
	Old     string         `json:"old"`
	New     string         `json:"new"`
	Changes []changeObject `json:"changes"`
}

type changeObject struct {
	Key  string `json:"key"`
	Old  string `json:"old"`
	New  string `json:"new"`
	Live bool   `json:"live"` // a reload applies it; else it takes a restart
}

func newConfigDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD [NEW]", Short: "Compare two configurations: what a reload would change, and what takes a restart", Args: cobra.RangeArgs(1, 2),
		Long: "Compares two configurations key by key. NEW is the file of --config when it is not given.",
		RunE: func(_ *cobra.Command, args []string) error {
			o := diffObject{Schema: "posthouse.diff/1", Old: args[0], New: a.config, Changes: []changeObject{}}
			if len(args) == 2 {
				o.New = args[1]
			}
			old, err := load(o.Old)
			if err != nil {
				return err
			}
			new, err := load(o.New)
			if err != nil {
				return err
			}
			for _, c := range config.Diff(old, new) {
				o.Changes = append(o.Changes, changeObject{c.Key, c.Old, c.New, c.Live})
			}
			if a.json {
				a.out.object(o)
				return nil
			}
			a.out.print(diffView(config.Diff(old, new))...)
			return nil
		},
	}
}

// diffView shows changes as a reload logs them.
func diffView(changes []config.Change) []line {
	if len(changes) == 0 {
		return []line{{{plain, "no difference"}}}
	}
	var lines []line
	restart := 0
	for _, c := range changes {
		s := plain
		if !c.Live {
			s = warn
			restart++
		}
		lines = append(lines, line{{s, c.String()}})
	}
	end := counted(len(changes), "change", "changes") + "; a reload applies "
	if restart == 0 {
		end += "all"
	} else {
		end += count(len(changes)-restart) + ", " + counted(restart, "takes", "take") + " a restart"
	}
	return append(lines, line{{plain, end}})
}
