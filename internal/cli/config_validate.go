package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"posthouse/config"
	"posthouse/internal/control"
)

// validateObject is the result of `config validate --json`.
type validateObject struct {
	Schema    string          `json:"schema"` // "posthouse.validate/1"
	File      string          `json:"file"`
	Valid     bool            `json:"valid"`
	Problems  []problemObject `json:"problems"`
	Warnings  []problemObject `json:"warnings"`
	Mailboxes int             `json:"mailboxes"`
	Listeners int             `json:"listeners"`
	// Running is the configuration that the running service uses; absent when none runs, or with another file.
	Running *control.Loaded `json:"running,omitempty"`
}

type problemObject struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Length int    `json:"length,omitempty"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

func newConfigValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "validate [FILE]", Short: "Check the configuration and the mailboxes file: every error at once", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			return a.validate(c.Context())
		},
	}
}

func (a *app) validate(ctx context.Context) error {
	if err := readable(a.config); err != nil {
		return err
	}
	v := validation{path: a.config, running: a.running(ctx)}
	cfg, err := config.Load(a.config)
	if err != nil {
		v.problems = problemsOf(a.config, err)
	} else {
		v.problems = cfg.Dangers
		v.warnings, v.mailboxes, v.listeners, v.changed = append(cfg.Warnings, a.closed(cfg)...), len(cfg.Mailboxes), len(cfg.Listeners), changed(cfg)
	}
	if a.json {
		a.out.object(v.object())
	} else {
		a.out.print(validateView(v, a.now().In(a.zone))...)
	}
	if len(v.problems) > 0 {
		return status(exitConfig)
	}
	return nil
}

// closed warns of files that whoever validates can read and the service cannot.
func (a *app) closed(cfg *config.Config) []config.Problem {
	who, ok := a.reader()
	if !ok {
		return nil
	}
	var all []config.Problem
	for _, path := range []string{cfg.File, cfg.MailboxesFile} {
		if fi, err := os.Stat(path); err == nil && !who.CanRead(fi) {
			all = append(all, config.Problem{
				File: path, Text: fmt.Sprintf("the service's user %s cannot read it", who.Name), Hint: fmt.Sprintf("chown root:%s %s && chmod 0640 %[2]s", who.Name, config.Word(path)),
			})
		}
	}
	return all
}

// running is the configuration of the service that runs with this file; nil if none does. That it cannot be asked is no matter here.
func (a *app) running(ctx context.Context) *control.Loaded {
	r, err := a.quietly()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := r.status(ctx)
	if err != nil || !sameFile(s.Config.File, a.config) {
		return nil
	}
	return &s.Config
}

func sameFile(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}

// changed is when the configuration's files were last written.
func changed(cfg *config.Config) time.Time {
	var last time.Time
	for _, path := range []string{cfg.File, cfg.MailboxesFile} {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// validation is what was found out about a configuration.
type validation struct {
	path      string
	problems  []config.Problem
	warnings  []config.Problem
	mailboxes int
	listeners int
	changed   time.Time
	running   *control.Loaded
}

func (v validation) object() validateObject {
	return validateObject{
		Schema: "posthouse.validate/1", File: v.path, Valid: len(v.problems) == 0, Problems: problemObjects(v.problems), Warnings: problemObjects(v.warnings),
		Mailboxes: v.mailboxes, Listeners: v.listeners, Running: v.running,
	}
}

func problemObjects(in []config.Problem) []problemObject {
	out := make([]problemObject, len(in))
	for i, p := range in {
		out[i] = problemObject{p.File, p.Line, p.Column, p.Length, p.Text, p.Hint}
	}
	return out
}

// validateView shows every problem and warning with its place, and then the sum.
func validateView(v validation, now time.Time) []line {
	var lines []line
	for _, p := range v.problems {
		lines = append(lines, problemLines(p, "")...)
	}
	for _, p := range v.warnings {
		lines = append(lines, problemLines(p, "warning: ")...)
	}
	if len(v.problems) > 0 {
		end := counted(len(v.problems), "error", "errors") + "."
		if v.running != nil {
			end += " The running service still uses the configuration of " + since(v.running.At, now) + "."
		}
		return append(lines, line{{bad, end}})
	}
	end := fmt.Sprintf("%s is valid: %s, %s", v.path, counted(v.mailboxes, "mailbox", "mailboxes"), counted(v.listeners, "listener", "listeners"))
	if len(v.warnings) > 0 {
		end += ", " + counted(len(v.warnings), "warning", "warnings")
	}
	lines = append(lines, line{{good, "✓ "}, {plain, end}})
	if v.running != nil && v.changed.After(v.running.At) {
		lines = append(lines, line{{plain, "The running service uses the configuration of " + since(v.running.At, now) + "; systemctl reload posthouse makes it take this one."}})
	}
	return lines
}

// since is when a configuration was loaded: 22 Nov 09:14.
func since(at, now time.Time) string {
	if at.In(now.Location()).Year() != now.Year() {
		return at.In(now.Location()).Format("2 Jan 2006 15:04")
	}
	return at.In(now.Location()).Format("2 Jan 15:04")
}
