package reconcile

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

// sides are mailboxes that were all just looked at.
type sides map[cutover.Side][]string

func (sides) Progress() []bridge.Progress {
	return []bridge.Progress{{Mailbox: "anna@example.com", State: bridge.Following, Caught: time.Now()}, {Mailbox: "gone@example.com", State: bridge.Unfollowed}}
}

func (s sides) Holds(_ context.Context, _ cutover.MailboxID, side cutover.Side, messages []string) (map[string]bridge.Sighting, error) {
	found := map[string]bridge.Sighting{}
	for _, m := range messages {
		if slices.Contains(s[side], m) {
			found[m] = bridge.Sighting{Folder: cutover.FolderPath{"INBOX"}}
		}
	}
	return found, nil
}

// Each delivery is decided once its time is over: seen on a side, none of ours, or missing, with who took it. What turns up is found within the hour, and what a person accepts is at rest.
func TestRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		lie := sides{cutover.Cloud: {"<cloud@x>"}, cutover.Legacy: {"<old@x>"}}
		log, logged := test.NewNullLogger()
		r := New(Config{
			Ledger: l, Bridge: lie, Within: func() time.Duration { return time.Minute }, Clock: clock.Real(), Log: log,
			Mailbox: func(user string) (cutover.MailboxID, bool) {
				return cutover.MailboxID(strings.ToLower(user) + "@example.com"), user != "root"
			},
		})
		delivered := func(user, message, lost string) evidence.LocalDelivery {
			return evidence.LocalDelivery{At: time.Now(), Source: "dovecot", Mailbox: user, Message: message, Lost: lost}
		}
		err = l.Testify(t.Context(), []evidence.Observation{{
			At: time.Now().Add(time.Second), Channel: evidence.Login, Class: evidence.Wanted, Source: "dovecot", Sender: "Anna", Client: netip.MustParseAddr("192.0.2.44"), Detail: "POP3",
		}}, nil, nil, delivered("anna", "<cloud@x>", ""), delivered("anna", "<old@x>", ""), delivered("root", "<a@x>", ""), delivered("gone", "<b@x>", ""),
			delivered("anna", "<popped@x>", ""), delivered("anna", "<sieved@x>", "discarded by Sieve"), delivered("ANNA", "<sieved@x>", ""))
		if err != nil {
			t.Fatal(err)
		}
		round := func(after time.Duration, want map[ledger.LocalState]int) {
			t.Helper()
			time.Sleep(after)
			if err := r.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := l.CountLocal(t.Context()); err != nil || !maps.Equal(got, want) {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		}
		round(30*time.Second, map[ledger.LocalState]int{ledger.LocalOpen: 7})
		first := map[ledger.LocalState]int{ledger.LocalSeen: 3, ledger.LocalForeign: 2, ledger.LocalMissing: 2}
		round(time.Minute, first)
		if n, all, err := r.Missing(t.Context(), ledger.LocalFilter{}); err != nil || n != 2 || !strings.Contains(all[0].Note, "POP3, it seems, from 192.0.2.44") || all[1].Note != "discarded by Sieve" || len(logged.AllEntries()) != 2 {
			t.Errorf("%d missing: %+v, %v; %d logged", n, all, err, len(logged.AllEntries()))
		}
		round(time.Minute, first)
		lie[cutover.Cloud] = append(lie[cutover.Cloud], "<popped@x>")
		round(time.Minute, first) // it was looked for just now
		round(time.Hour, map[ledger.LocalState]int{ledger.LocalSeen: 4, ledger.LocalForeign: 2, ledger.LocalMissing: 1})
		var accepted []ledger.LocalDelivery
		if err := r.Accept(t.Context(), "root", []string{"anna"}, func(l ledger.LocalDelivery) error { accepted = append(accepted, l); return nil }); err != nil || len(accepted) != 1 {
			t.Errorf("accepted %+v, %v", accepted, err)
		}
		if work, err := r.Work(t.Context()); err != nil || work.Count != 0 {
			t.Errorf("in the way: %+v, %v", work, err)
		}
		if err := r.Accept(t.Context(), "root", []string{"all"}, nil); err == nil {
			t.Error("nothing is missing, and was accepted")
		}
		time.Sleep(kept + time.Second)
		if err := r.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		round(0, map[ledger.LocalState]int{})
	})
}
