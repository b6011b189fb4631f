package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// verdictOf sums both verdicts up.
func verdictOf(s control.Status) (*Verdict, bool) {
	v := &Verdict{Server: string(s.Server.State), Address: string(s.Address.State)}
	quiet, needed := s.Server.Quiet, s.Server.Needed
	if s.Address.Quiet < quiet {
		quiet, needed = s.Address.Quiet, s.Address.Needed
	}
	v.Quiet, v.Needed = int(quiet/time.Hour), int(needed/time.Hour)
	for _, reason := range append(s.Server.Reasons, s.Address.Reasons...) {
		v.Reasons = append(v.Reasons, reason.Text)
	}
	return v, s.Server.State == evidence.Ready && s.Address.State == evidence.Ready
}

// inTheWay says what the verdict waited for.
func (v *Verdict) inTheWay() string {
	if v == nil || len(v.Reasons) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s, %s: %s)", v.Server, v.Address, strings.Join(v.Reasons, "; "))
}

// prove lets the service verify its own work and then compares both servers without it.
func (r *runner) prove(ctx context.Context) error {
	verified, err := r.verify(ctx)
	if err != nil {
		return err
	}
	r.tell(Event{Kind: Verified, Verify: verified})
	r.doing = "comparing both servers"
	found, err := compare(r.world.book, r.world.legacy, r.world.cloud, addressesOf(mailboxes))
	if err != nil {
		return err
	}
	r.world.compareCalendars(&found)
	r.tell(Event{Kind: Compared, Compared: &found, Verdict: r.verdict})
	return r.judge(found, *verified)
}

// judge is nil only if all three agree: the verdict, the service's own verification, and the comparison.
func (r *runner) judge(found Comparison, verified Verify) error {
	switch {
	case !found.Clean():
		return fmt.Errorf("%w: %d items missing, %d twice, %d changed, %d invitations sent", ErrFound, found.Missing, found.Twice, found.Changed, found.Invitations)
	case verified.Missing+verified.Extra > 0 || verified.Mailboxes < len(mailboxes):
		return fmt.Errorf("%w: posthouse's own verification: %d missing, %d extra, %d of %d mailboxes compared",
			ErrFound, verified.Missing, verified.Extra, verified.Mailboxes, len(mailboxes))
	case !r.isReady:
		return fmt.Errorf("%w: the verdict is not ready%s", ErrFound, r.verdict.inTheWay())
	}
	return nil
}

func (r *runner) verify(ctx context.Context) (*Verify, error) {
	v := &Verify{}
	err := r.client.Verify(ctx, nil, true, func(m control.Verified) error {
		if m.Error != "" {
			v.Findings = append(v.Findings, m.Mailbox+": "+m.Error)
			return nil
		}
		v.Mailboxes++
		v.Equal += m.Equal + m.Events + m.Contacts
		v.Missing += len(m.Missing) + len(m.Removed) + len(m.Altered) // nobody removes anything here
		v.Extra += len(m.Extra)
		for _, f := range slices.Concat(m.Missing, m.Removed, m.Altered, m.Extra) {
			if len(v.Findings) < named {
				v.Findings = append(v.Findings, fmt.Sprintf("%s %s %s: %s", m.Mailbox, f.Folder, f.Ref, f.Why))
			}
		}
		return nil
	})
	return v, err
}

// since is what came after an earlier count.
func (t Traffic) since(before Traffic) *Traffic {
	return &Traffic{
		Listener: t.Listener - before.Listener, Old: t.Old - before.Old, Sent: t.Sent - before.Sent, New: t.New - before.New,
		Logins: t.Logins - before.Logins, Unwanted: t.Unwanted - before.Unwanted,
	}
}
