package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Build is what the binary knows of itself.
type Build struct {
	Version string // such as v1.2.0; "devel" where nobody said
	Commit  string // may be empty
	Changed bool   // something was changed since that commit
	Date    string // of the commit; may be empty
}

// ThisBuild reads what the Go tools left in the binary. version is what the linker was told (-X main.version=…) and wins.
func ThisBuild(version string) Build {
	b := Build{Version: version}
	info, ok := debug.ReadBuildInfo()
	if ok {
		b.read(info)
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	return b
}

func (b *Build) read(info *debug.BuildInfo) {
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
}

// versionObject is the result of `version --json`.
type versionObject struct {
	Schema   string `json:"schema"` // "posthouse.version/1"
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Changed  bool   `json:"changed,omitempty"` // since that commit
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { a.version(); return nil },
	}
}

func (a *app) version() {
	v := versionObject{
		Schema: "posthouse.version/1", Version: a.build.Version, Commit: a.build.Commit, Changed: a.build.Changed, Date: a.build.Date,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if a.json {
		a.out.object(v)
		return
	}
	a.out.print(versionView(v)...)
}

func versionView(v versionObject) []line {
	l := line{{strong, "posthouse " + v.Version}}
	if v.Commit != "" {
		l = append(l, textf("   %.12s", v.Commit))
	}
	if v.Changed {
		l = append(l, span{warn, " and changes"})
	}
	if v.Date != "" {
		l = append(l, span{plain, "   " + v.Date})
	}
	return []line{append(l, span{dim, fmt.Sprintf("   %s %s", v.Go, v.Platform)})}
}
