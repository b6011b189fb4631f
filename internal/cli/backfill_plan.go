package cli

import (
	"context"
	"fmt"

	"posthouse/cutover"
	"posthouse/internal/control"
)

// plan tells what backfill would do with folders.
func (a *app) plan(ctx context.Context, r *remote, args, waves []string) error {
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	names, err := wantedMailboxes(s, args, waves)
	if err != nil {
		return r.remedy(err)
	}
	p := planning{app: a, names: naming{domains: s.Domains}, wanted: len(names), screen: newScreen(a.talk)}
	p.progress()
	err = r.plan(ctx, names, p.take)
	p.screen.draw()
	if err != nil {
		return err
	}
	return p.finish()
}

// planning is one run of backfill --plan.
type planning struct {
	app    *app
	names  naming
	wanted int
	sum    planSum
	screen *screen
}

// planSum is what the last lines and the exit code are made of.
type planSum struct {
	mailboxes, failed, unreachable                    int
	folders, made, skipped, renamed, clashing, unread int
	messages, events, contacts                        int
}

// take shows one mailbox's plan as it comes in.
func (p *planning) take(one control.Planned) error {
	p.sum.add(one)
	if p.app.json {
		p.app.out.object(one)
	} else {
		p.screen.draw() // stdout may be the same terminal
		p.app.out.print(planView(one, p.names)...)
	}
	p.progress()
	return p.app.out.err
}

// progress says how far it is, on a terminal.
func (p *planning) progress() {
	if a := p.app; a.talk.terminal && !a.quiet && !a.json && p.sum.mailboxes < p.wanted {
		p.screen.draw(doneLine("plan", p.sum.mailboxes, p.wanted))
	}
}

func (p *planning) finish() error {
	if !p.app.json {
		p.app.out.print(planSumView(p.sum)...)
	}
	if p.sum.mailboxes < p.wanted {
		return &failure{
			code: exitFailed, what: fmt.Sprintf("only %s of %s mailboxes were planned", count(p.sum.mailboxes), count(p.wanted)),
			cause: "the service was stopped, or the mailboxes file changed meanwhile", next: "posthouse backfill --plan",
		}
	}
	return p.sum.status()
}

func (s *planSum) add(one control.Planned) {
	s.mailboxes++
	if one.Error != "" {
		s.failed++
		if unreachable(one.Error) {
			s.unreachable++
		}
	}
	for _, f := range one.Folders {
		s.folders++
		s.count(f)
		s.made += number(f.New)
		s.renamed += number(f.Renamed)
		s.skipped += number(f.Skipped != "")
		s.clashing += number(len(f.Clash) > 0)
		s.unread += number(f.Error != "")
	}
}

// count adds a folder's items to those of their kind, so that the sums are those of backfill, status and verify.
func (s *planSum) count(f control.PlannedFolder) {
	switch cutover.FolderKind(f.Kind) {
	case cutover.Calendar:
		s.events += f.Items
	case cutover.Contacts:
		s.contacts += f.Items
	default:
		s.messages += f.Items
	}
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// status is the exit code. That names clash or change is worth knowing, and no failure.
func (s *planSum) status() error {
	switch {
	case s.unreachable > 0 && s.unreachable == s.mailboxes:
		return status(exitUnreachable)
	case s.failed+s.unread > 0:
		return status(exitSome)
	}
	return nil
}
