package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"posthouse/config"
	"posthouse/internal/clock"
	"posthouse/internal/control"
)

// backfillFlags are those of `backfill`.
type backfillFlags struct {
	waves    []string
	progress string
	plan     bool
}

func newBackfill(a *app) *cobra.Command {
	var f backfillFlags
	c := &cobra.Command{
		Use: "backfill [MAILBOX ...]", Short: "Bring the new mailboxes up to date once, then end",
		Long: `Copies what the new mailboxes do not have yet, all of them unless some are named, and ends. What was copied before is known and costs next to nothing, so it
can be broken off and begun again at any time. Where posthouse is running it is asked to do it; else this command does it itself and takes no mail meanwhile.
With --plan nothing is copied or made on either side: it tells which folder of the cloud each folder will go to, or why it will not.
A mailbox is named by its address, or by anna@ where there is only one domain.

Exit code: 0 when everything is there, 3 when messages were refused or some mailboxes could not be done, 69 when no server could be reached,
75 when it was interrupted.`,
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.mailboxNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return a.backfill(c.Context(), args, f) },
	}
	c.Flags().StringSliceVar(&f.waves, "wave", nil, "only the mailboxes of these `waves`")
	c.Flags().BoolVar(&f.plan, "plan", false, "only tell which folders the messages will go to; change nothing")
	c.Flags().StringVar(&f.progress, "progress", "auto", "how the copy is shown: bars, lines, none; auto is bars on a terminal")
	return c
}

func (a *app) backfill(ctx context.Context, args []string, f backfillFlags) error {
	bars, lines, err := a.progressStyle(f.progress)
	if err != nil {
		return err
	}
	ctx, stop := a.untilTold(ctx)
	defer stop()
	screen := newScreen(a.talk)
	r, end, err := a.copier(ctx, screen, again(args, f))
	if err != nil {
		return err
	}
	if f.plan {
		return errors.Join(a.plan(ctx, r, args, f.waves), end())
	}
	b := &backfilling{app: a, screen: screen, again: again(args, f)}
	b.show = progress{screen: screen, log: newLog(config.Log{Level: "info", Format: "text"}, a.json, screen, a.talk, a.zone), zone: a.zone, bars: bars, lines: lines, once: true}
	if !r.alone {
		b.show.told = map[string]string{}
	}
	err = b.run(ctx, r, args, f.waves)
	return errors.Join(err, end())
}

// copier finds who copies: the running service, or, if there is none, one of our own that does nothing else. end must be called.
func (a *app) copier(ctx context.Context, screen *screen, command string) (r *remote, end func() error, err error) {
	if r, err = a.reach(); err != nil {
		return nil, nil, err
	}
	if _, err = r.client.Status(ctx); !errors.Is(err, control.ErrNotRunning) {
		return r, func() error { return nil }, r.explain(err)
	}
	cfg, err := load(a.config)
	if err != nil {
		return nil, nil, err
	}
	if err := asOwner(cfg.State, command); err != nil {
		return nil, nil, err
	}
	log := newLog(cfg.Log, a.json, screen, a.talk, a.zone)
	if a.quiet {
		log.SetLevel(logrus.ErrorLevel)
	}
	s := a.service(serviceOptions{config: cfg, version: a.build.Version, log: log, clock: clock.Real(), speed: 1, copyOnly: true})
	if err := s.Start(ctx); err != nil {
		return nil, nil, startFailure(err, cfg)
	}
	r.alone = true
	return r, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return s.Stop(ctx)
	}, nil
}

// again is the command for the same mailboxes.
func again(args []string, f backfillFlags) string {
	words := append([]string{"posthouse backfill"}, args...)
	if f.plan {
		words = append(words, "--plan")
	}
	if len(f.waves) > 0 {
		words = append(words, "--wave", strings.Join(f.waves, ","))
	}
	return strings.Join(words, " ")
}

// backfilling is one run of backfill.
type backfilling struct {
	app    *app
	screen *screen
	show   progress
	again  string // the command that does the same once more
	names  naming
	sum    backfillSum
	bad    []control.Backfilled
}

// backfillSum is the last line of `backfill --json`, and what the exit code is made of.
type backfillSum struct {
	Schema      string `json:"schema"`    // "posthouse.backfill-sum/1"
	Mailboxes   int    `json:"mailboxes"` // that were asked for
	Done        int    `json:"done"`      // mailboxes
	Failed      int    `json:"failed"`    // mailboxes
	Unreachable int    `json:"unreachable"`
	Messages    int    `json:"messages"` // with a disposition, in all of these mailboxes
	Events      int    `json:"events,omitempty"`
	Contacts    int    `json:"contacts,omitempty"`
	Bytes       int64  `json:"bytes"`
	Skipped     int    `json:"skipped"`  // messages left out by rule
	Refused     int    `json:"refused"`  // messages that the cloud would not take
	Repaired    int    `json:"repaired"` // messages that it took only after a repair
}

func (b *backfilling) run(ctx context.Context, r *remote, args, waves []string) error {
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	names, err := wantedMailboxes(s, args, waves)
	if err != nil {
		return r.remedy(err)
	}
	b.names, b.sum.Mailboxes = naming{domains: s.Domains}, len(names)
	ask := func(ctx context.Context) (control.Status, error) {
		s, err := r.status(ctx)
		return onlyMailboxes(s, names), err
	}
	b.show.beginWith(ctx, ask)
	err = r.backfill(ctx, names, b.take)
	b.show.end()
	if err != nil && ctx.Err() != nil {
		return &failure{code: exitLater, what: "interrupted", cause: "what was copied stays copied", next: b.again}
	}
	if err != nil {
		return err
	}
	if s, err = ask(ctx); err != nil {
		return err
	}
	b.sum.Messages, b.sum.Bytes, b.sum.Events, b.sum.Contacts = s.Copy.Messages, s.Copy.Bytes, s.Copy.Events, s.Copy.Contacts
	return b.finish()
}

// wantedMailboxes are those that are named and of the waves; where nothing is named that is no limit.
func wantedMailboxes(s control.Status, args, waves []string) ([]string, error) {
	names, err := pickMailboxes(s, args)
	if err != nil {
		return nil, err
	}
	return ofWaves(s, names, waves)
}

// ofWaves keeps the mailboxes of the waves, if any is named.
func ofWaves(s control.Status, names, waves []string) ([]string, error) {
	if len(waves) == 0 {
		return names, nil
	}
	known, kept := map[string]bool{}, []string{}
	for _, m := range s.Mailboxes {
		known[m.Wave] = true
		if slices.Contains(waves, m.Wave) && slices.Contains(names, m.Address) {
			kept = append(kept, m.Address)
		}
	}
	for _, wave := range waves {
		if !known[wave] {
			return nil, &failure{code: exitUsage, what: fmt.Sprintf("no mailbox is of wave %q%s", wave, didYouMean(wave, waveNames(known))), cause: wavesThere(known), next: "posthouse mailboxes"}
		}
	}
	if len(kept) == 0 { // to ask the service for none would be to ask for all
		return nil, &failure{code: exitUsage, what: "none of the named mailboxes is of wave " + strings.Join(waves, " or "), next: "posthouse mailboxes --wave " + strings.Join(waves, ",")}
	}
	return kept, nil
}

func waveNames(known map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(w string) bool { return w == "" })
}

func wavesThere(known map[string]bool) string {
	if names := waveNames(known); len(names) > 0 {
		return "the waves are " + strings.Join(names, ", ")
	}
	return "no mailbox has a wave in the mailboxes file"
}

// onlyMailboxes is the status as if there were no other mailboxes.
func onlyMailboxes(s control.Status, names []string) control.Status {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	all := s.Mailboxes
	s.Mailboxes, s.Copy = nil, control.Copy{}
	for _, m := range all {
		if wanted[m.Address] {
			s.Mailboxes = append(s.Mailboxes, m)
			s.Copy.Add(m)
		}
	}
	s.Copy.Estimate()
	return s
}

// take notes one mailbox's result as it comes in.
func (b *backfilling) take(one control.Backfilled) error {
	b.sum.Skipped += one.Skipped
	b.sum.Refused += one.Refused
	b.sum.Repaired += one.Repaired
	switch {
	case one.Error == "":
		b.sum.Done++
	default:
		b.sum.Failed++
		if unreachable(one.Error) {
			b.sum.Unreachable++
		}
		b.bad = append(b.bad, one)
	}
	if b.app.json {
		b.app.out.object(one)
	}
	return b.app.out.err
}

func (b *backfilling) finish() error {
	b.sum.Schema = "posthouse.backfill-sum/1"
	if b.app.json {
		b.app.out.object(b.sum)
	} else {
		b.app.out.print(backfillView(b.sum, b.bad, b.names)...)
		if len(b.bad) > 0 {
			b.app.say(labelled("next", textf("mend the cause, then: "), span{strong, b.again}))
		}
	}
	if b.sum.Done+b.sum.Failed < b.sum.Mailboxes {
		return &failure{code: exitFailed, what: fmt.Sprintf("only %s of %s mailboxes were done", count(b.sum.Done), count(b.sum.Mailboxes)), next: b.again}
	}
	return b.sum.status()
}

func (s backfillSum) status() error {
	switch {
	case s.Unreachable > 0 && s.Unreachable == s.Mailboxes:
		return status(exitUnreachable)
	case s.Failed+s.Refused > 0:
		return status(exitSome)
	}
	return nil
}

// backfillView names what is not done, and sums up.
func backfillView(s backfillSum, failed []control.Backfilled, v naming) []line {
	var lines []line
	for _, one := range failed {
		lines = append(lines, line{{bad, "✗ "}, {strong, v.short(one.Mailbox)}, {plain, "   " + firstOf(one.Error)}})
	}
	mark := span{good, "✓ "}
	switch {
	case s.Failed > 0:
		mark = span{bad, "✗ "}
	case s.Refused > 0:
		mark = span{warn, "! "}
	}
	lines = append(lines, line{mark, {plain, fmt.Sprintf("%s/%s mailboxes up to date   %s   %s", count(s.Done), count(s.Mailboxes), join(", ", counted(s.Messages, "message", "messages"), objectsText(s.Events, s.Contacts)), size(s.Bytes))}})
	if s.Skipped > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Skipped, "message that was", "messages that were") + " marked as deleted on the old side: not copied (bridge.deleted)"}})
	}
	one, many := "message", "messages"
	if s.Events+s.Contacts > 0 {
		one, many = "item", "items"
	}
	if s.Repaired > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Repaired, one+" was repaired", many+" were repaired") + " for the cloud to take: refused/ in the state folder holds the originals"}})
	}
	if s.Refused > 0 {
		lines = append(lines, line{{plain, "  " + counted(s.Refused, one+" was refused by the cloud", many+" were refused by the cloud") + ": posthouse verify names them, refused/ in the state folder holds them"}})
	}
	return lines
}
