package bridge_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// pings makes a cloud mailbox count what it is asked, take a second for each answer, and be unreachable while down is set.
func pings(of *memstore.Mailbox, asked *atomic.Int32, down *atomic.Bool) {
	of.SetFault(func(op string, _ int) error {
		if op == memstore.OpPing {
			asked.Add(1)
			time.Sleep(time.Second)
		}
		if down.Load() {
			return fmt.Errorf("no route to host: %w", bridge.ErrConnection)
		}
		return nil
	})
}

// A cloud that is down is named within a poll interval though nothing is new on the old side, and again when it is back.
func TestACloudThatIsDownIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("first", "hello"), Date: time.Now()})
		var asked atomic.Int32
		var down atomic.Bool
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Second)
		pings(w.new(), &asked, &down)
		for _, gone := range []bool{true, false} {
			down.Store(gone)
			time.Sleep(65 * time.Second)
			p := w.bridge.Progress()[0]
			if gone != (p.State == bridge.Problem && strings.Contains(p.Error, "no route to host")) || !gone && p.State != bridge.Following {
				t.Errorf("down %t: progress %+v", gone, p)
			}
		}
		before := asked.Load()
		time.Sleep(10 * time.Minute)
		if n := asked.Load() - before; n < 9 || n > 10 {
			t.Errorf("asked %d times in ten polls", n)
		}
	})
}

// The cloud is asked while the legacy folders are listed, so that nothing takes longer for it.
func TestTheCloudIsAskedMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var asked atomic.Int32
		var down atomic.Bool
		pings(w.new(), &asked, &down)
		w.old().SetFault(func(op string, _ int) error {
			if op == memstore.OpFolders {
				time.Sleep(time.Second)
			}
			return nil
		})
		from := time.Now()
		w.start()
		defer w.stop()
		if err := w.bridge.CatchUp(t.Context(), []cutover.MailboxID{anna.ID}, func(cutover.MailboxID, error) {}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(from); asked.Load() != 1 || took > 2500*time.Millisecond { // two passes, one of which asks
			t.Errorf("asked %d times, which took %s", asked.Load(), took)
		}
	})
}

// Mailboxes that keep no connection are not logged in for the question alone: one asks for all of its server, and when that fails the next one.
func TestMailboxesThatKeepNoConnectionShareThePulse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		for n := range 6 {
			m := anna
			m.ID = cutover.MailboxID(fmt.Sprintf("box%d@example.com", n))
			w.mailboxes = append(w.mailboxes, m)
		}
		w.start()
		defer w.stop()
		time.Sleep(90 * time.Second)
		var asked atomic.Int32
		var down atomic.Bool
		for _, m := range w.mailboxes {
			pings(w.cloud.Mailbox(string(m.ID)), &asked, &down)
		}
		time.Sleep(10 * time.Minute)
		if n := asked.Load(); n < 8 || n > 12 {
			t.Errorf("asked %d times in ten polls", n)
		}
		down.Store(true)
		time.Sleep(130 * time.Second)
		for _, p := range w.bridge.Progress() {
			if p.State != bridge.Problem {
				t.Errorf("progress %+v", p)
			}
		}
	})
}
