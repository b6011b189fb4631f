package imapstore_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger/sqlite"
)

// across is a bridge between two servers, each with its users by their names.
type across struct {
	t      *testing.T
	bridge *bridge.Bridge
	ledger *sqlite.Ledger
}

// newAcross makes one that copies the mailboxes, whose logins are the users.
func newAcross(t *testing.T, legacy, cloud string, rules func(cutover.MailboxID) bridge.Rules, mailboxes ...cutover.Mailbox) *across {
	t.Helper()
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	log := logrus.New()
	log.SetOutput(io.Discard)
	addresses := map[cutover.Side]string{cutover.Legacy: legacy, cutover.Cloud: cloud}
	b := bridge.New(bridge.Config{
		Ledger: l, Clock: clock.Real(), Log: log, Parallel: 1, Poll: time.Minute, Pause: time.Millisecond, Settle: time.Millisecond, Saved: t.TempDir() + "/refused", Rules: rules,
		Open: func(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			o := options(t, addresses[side])
			o.SASL = plainAs(m.On(side).Login)
			return imapstore.New(o), nil
		},
	}, mailboxes)
	t.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &across{t: t, bridge: b, ledger: l}
}

// box is a mailbox with its logins.
func box(id cutover.MailboxID, legacy, cloud string) cutover.Mailbox {
	return cutover.Mailbox{ID: id, Legacy: cutover.Account{Login: legacy}, Cloud: cutover.Account{Login: cloud}}
}

// copy brings mailboxes up to date.
func (a *across) copy(ids ...cutover.MailboxID) {
	a.t.Helper()
	err := a.bridge.CatchUp(a.t.Context(), ids, func(m cutover.MailboxID, err error) {
		if err != nil {
			a.t.Errorf("%s: %v", m, err)
		}
	})
	if err != nil {
		a.t.Error(err)
	}
}

// plan is where each folder goes, or why it does not, by its path. ! stands before what is told to be another name than is wanted.
func (a *across) plan(m cutover.MailboxID) map[string]string {
	a.t.Helper()
	found := map[string]string{}
	err := a.bridge.Plan(a.t.Context(), []cutover.MailboxID{m}, func(p bridge.Plan, err error) {
		if err != nil {
			a.t.Errorf("%s: %v", m, err)
		}
		for _, f := range p.Folders {
			switch {
			case f.Err != nil:
				a.t.Errorf("%s, %s: %v", m, f.Legacy, f.Err)
			case f.Skipped != "":
				found[f.Legacy.String()] = f.Skipped
			case f.Changed:
				found[f.Legacy.String()] = "! " + f.Cloud.String()
			default:
				found[f.Legacy.String()] = "→ " + f.Cloud.String()
			}
		}
	})
	if err != nil {
		a.t.Error(err)
	}
	return found
}
