package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// throttle is what a server says that asks to wait.
func throttle(kind bridge.BusyKind, said string, wait time.Duration) error {
	return &bridge.Busy{Kind: kind, Server: "cloud", Said: said, Wait: wait, Err: errors.New("server answered: " + said)}
}

// knocks are when a mailbox was asked for something, one entry for each series, until what it suffers from is over.
type knocks struct {
	over atomic.Bool
	mu   sync.Mutex
	at   []time.Time
}

// suffers makes the cloud refuse every put so, until it is over.
func (w *world) suffers(kind bridge.BusyKind, said string) *knocks {
	var k knocks
	w.new().SetFault(func(op string, _ int) error {
		if op != memstore.OpPut || k.over.Load() {
			return nil
		}
		k.hear()
		return throttle(kind, said, 0)
	})
	return &k
}

// mended ends what the cloud suffers from, says so as a person does, and wants the mailbox to follow at once.
func (w *world) mended(k *knocks) {
	w.t.Helper()
	k.over.Store(true)
	w.bridge.Retry()
	time.Sleep(10 * time.Second)
	p := w.bridge.Progress()[0]
	w.stop()
	if p.State != bridge.Following {
		w.t.Errorf("progress %+v, want it to follow", p)
	}
}

func (k *knocks) all() []time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.at)
}

func (k *knocks) hear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); len(k.at) == 0 || now.Sub(k.at[len(k.at)-1]) > 10*time.Second {
		k.at = append(k.at, now)
	}
}

// A server that names a pause is left alone for that long. Meanwhile the mailbox is shown as waiting, with the server's words and the end; nothing is lost or doubled by it.
func TestAServerThatNamesAPauseIsObeyed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(1, 60)
		var steps atomic.Int32
		var mu sync.Mutex
		var from, until time.Time
		w.new().SetFault(func(op string, n int) error {
			mu.Lock()
			defer mu.Unlock()
			steps.Add(1)
			if op != memstore.OpPut || n <= 10 || !until.IsZero() && !time.Now().Before(until) {
				return nil
			}
			if until.IsZero() {
				from, until = time.Now(), time.Now().Add(5*time.Minute)
			}
			return throttle(bridge.Throttled, "NO Request is throttled. Suggested Backoff Time: 300000 milliseconds", 5*time.Minute)
		})
		w.start()
		time.Sleep(30 * time.Second)
		p, before := w.bridge.Progress()[0], steps.Load()
		mu.Lock()
		if p.State != bridge.Waiting || p.Error != "" || p.Wait != "cloud says NO Request is throttled. Suggested Backoff Time: 300000 milliseconds" || p.Next.Before(until) || p.Next.After(from.Add(400*time.Second)) {
			t.Errorf("progress %+v, want it to wait until %v", p, until)
		}
		mu.Unlock()
		for range 3 { // nobody knows better than the server
			w.bridge.Retry()
			time.Sleep(80 * time.Second)
		}
		if n := steps.Load(); n != before {
			t.Errorf("it was asked %d times while it had to be left alone", n-before)
		}
		time.Sleep(4 * time.Minute)
		p = w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Following || p.Wait != "" || !p.Next.IsZero() {
			t.Errorf("progress %+v, want it to follow", p)
		}
		w.wantEqual(paths...)
	})
}

// A server that asks to wait and does not say for how long is asked after a minute, then after twice that, in the end once an hour; a person who mended something ends the wait.
func TestAServerThatNamesNoPause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("1", "one"), Date: time.Now()})
		k := w.suffers(bridge.Throttled, "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)")
		w.start()
		time.Sleep(8 * time.Hour)
		at := k.all()
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			want *= 30 * time.Second // Config.Pause is half of the usual here
			if got := at[i+1].Sub(at[i]); got < want || got > want*5/4+10*time.Second {
				t.Errorf("pause %d is %v, want %v", i+1, got, want)
			}
		}
		w.mended(k)
		w.wantEqual(inbox)
	})
}

// A full mailbox needs a person, is named with what to do, and is tried when somebody says that something was mended.
func TestAFullMailbox(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("1", "one"), Date: time.Now()})
		k := w.suffers(bridge.Full, "NO [OVERQUOTA] Quota exceeded")
		w.start()
		time.Sleep(time.Hour)
		if p := w.bridge.Progress()[0]; p.State != bridge.Problem || !strings.Contains(p.Error, "mailbox is full, give it more room") || p.Next.IsZero() || len(k.all()) > 8 {
			t.Errorf("progress %+v after %d tries", p, len(k.all()))
		}
		w.mended(k)
	})
}

// A single pass waits for a server that asks it to, however often, and gives up a full mailbox at once.
func TestCatchUpWaitsForAServer(t *testing.T) {
	for _, c := range []struct {
		kind    bridge.BusyKind
		started bool
		failed  bool
	}{{bridge.Throttled, false, false}, {bridge.Throttled, true, false}, {bridge.Crowded, false, false}, {bridge.Full, false, true}, {bridge.Full, true, true}} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, memstore.Options{}, memstore.Options{})
			w.old().Deliver(inbox, memstore.Message{Raw: mail("1", "one"), Date: time.Now()})
			var puts int
			w.new().SetFault(func(op string, _ int) error {
				if op != memstore.OpPut {
					return nil
				}
				if puts++; puts > 7 {
					return nil
				}
				return throttle(c.kind, "NO later", 0)
			})
			w.open()
			if c.started {
				w.bridge.Start()
			}
			begun := time.Now()
			var became error
			err := w.bridge.CatchUp(t.Context(), []cutover.MailboxID{anna.ID}, func(_ cutover.MailboxID, err error) { became = err })
			took := time.Since(begun)
			synctest.Wait()
			w.stop()
			if err != nil || (became != nil) != c.failed || c.failed != (took < time.Minute) {
				t.Errorf("%s: %v, %v after %v", c.kind, err, became, took)
			}
		})
	}
}

// A mailbox that was followed and has to wait is not watched meanwhile; it follows again by itself, and is not taken for being copied.
func TestAFollowedMailboxThatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var throttles atomic.Int64 // from this instant on
		w.new().SetFault(func(op string, _ int) error {
			from := throttles.Load()
			if op != memstore.OpPut || from == 0 || time.Since(time.Unix(0, from)) > 3*time.Minute {
				return nil
			}
			return throttle(bridge.Throttled, "BAD Server Busy", 3*time.Minute)
		})
		w.start()
		time.Sleep(10 * time.Second)
		caught := w.bridge.Progress()[0].Caught
		from := time.Now()
		throttles.Store(from.UnixNano())
		w.old().Deliver(inbox, memstore.Message{Raw: mail("1", "one"), Date: time.Now()})
		time.Sleep(90 * time.Second)
		if p := w.bridge.Progress()[0]; p.State != bridge.Waiting || !p.Stuck() || p.Caught.After(from) || caught.IsZero() {
			t.Errorf("progress %+v, want it to wait", p)
		}
		time.Sleep(5 * time.Minute)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Following || p.Stuck() || !p.Caught.After(from) {
			t.Errorf("progress %+v, want it to follow", p)
		}
		w.wantEqual(inbox)
	})
}

// A server that throttles after it took a part of a folder asks the whole mailbox to wait.
func TestThrottledInTheMiddleOfAFolder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		for i := range 20 {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i), "x"), Date: time.Now()})
		}
		w.new().SetFault(func(op string, n int) error {
			if op != memstore.OpPut || n <= 5 || n > 20 {
				return nil
			}
			return throttle(bridge.Throttled, "BAD Server Busy", 0)
		})
		w.start()
		time.Sleep(10 * time.Second)
		if p := w.bridge.Progress()[0]; p.State != bridge.Waiting || p.Wait == "" || p.Done != 5 {
			t.Errorf("progress %+v, want it to wait", p)
		}
		time.Sleep(5 * time.Minute)
		w.stop()
		w.wantEqual(inbox)
	})
}

// In a single pass a mailbox that waits leaves its place to another.
func TestAWaitHoldsUpNoOtherMailbox(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		names := []cutover.MailboxID{anna.ID, "bob@example.com", "carl@example.com", "dora@example.com"} // two at a time
		begun := time.Now()
		for i, name := range names {
			w.legacy.Mailbox(string(name)).Deliver(inbox, memstore.Message{Raw: mail(string(name), "x"), Date: time.Now()})
			if i >= 2 {
				continue
			}
			w.cloud.Mailbox(string(name)).SetFault(func(op string, _ int) error {
				if op != memstore.OpPut || time.Since(begun) > time.Hour {
					return nil
				}
				return throttle(bridge.Throttled, "BAD Server Busy", time.Hour)
			})
		}
		w.open()
		for _, name := range names[1:] {
			w.bridge.Add([]cutover.Mailbox{{ID: name, Primary: cutover.Address(name), Home: cutover.Legacy, Legacy: anna.Legacy, Cloud: anna.Cloud}})
		}
		var order []cutover.MailboxID
		err := w.bridge.CatchUp(t.Context(), names, func(name cutover.MailboxID, err error) {
			order = append(order, name)
			if early := time.Since(begun) < time.Hour; err != nil || early != (name == names[2] || name == names[3]) {
				t.Errorf("%s: %v after %v", name, err, time.Since(begun))
			}
		})
		w.stop()
		if err != nil || len(order) != len(names) {
			t.Errorf("%v, %v", order, err)
		}
	})
}
