package bridge_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

func TestCopiesEverythingAndFollows(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(1, 400)
		w.start()
		time.Sleep(10 * time.Second)
		w.wantEqual(paths...)
		late := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("late", "hello"), Date: late})
		time.Sleep(2 * time.Second)
		w.wantEqual(paths...)
		w.old().SetFlags(inbox, w.old().Messages(inbox)[0].Ref, `\Seen`, `\Flagged`)
		time.Sleep(2 * time.Minute)
		w.wantEqual(paths...)
		w.stop()
		if len(w.seen) != 1 || w.seen[0].Channel != evidence.Arriving {
			t.Errorf("use of the old server: %+v, want the one late message", w.seen)
		}
	})
}

func TestASecondRunChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(2, 150)
		w.run(10 * time.Second)
		puts := 0
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpPut {
				puts++
			}
			return nil
		})
		w.run(10 * time.Minute)
		w.wantEqual(paths...)
		if puts != 0 {
			t.Errorf("second run put %d messages", puts)
		}
	})
}

func TestAdoptsWhatTheCloudHolds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(3, 150)
		for i, m := range w.old().Messages(inbox) {
			if i%2 == 0 {
				w.new().Deliver(inbox, memstore.Message{Raw: m.Raw, Flags: m.Flags, Date: m.Date})
			}
		}
		w.run(10 * time.Second)
		w.wantEqual(paths...)
	})
}

func TestTwoMailsWithOneMessageIDBothArrive(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		for _, body := range []string{"one", "two", "two", "six"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail("same", body), Date: date})
		}
		w.new().Deliver(inbox, memstore.Message{Raw: mail("same", "six"), Date: date})
		w.new().Deliver(inbox, memstore.Message{Raw: mail("probe", "puts the cloud to the test"), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("probe", "puts the cloud to the test"), Date: date})
		w.run(10 * time.Second)
		w.wantEqual(inbox)
	})
}

func TestMarkedAsDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		marked := w.old().Deliver(inbox, memstore.Message{Raw: mail("marked", "hello"), Date: date, Flags: cutover.NewFlags(`\Deleted`)})
		kept := w.old().Deliver(inbox, memstore.Message{Raw: mail("kept", "hello"), Date: date})
		w.run(10 * time.Second)
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Fatalf("%d messages in the cloud, want only the one that is not marked", n)
		}
		w.old().SetFlags(inbox, marked, `\Seen`)
		w.old().SetFlags(inbox, kept, `\Deleted`, `\Seen`)
		w.run(10 * time.Minute)
		for _, m := range w.new().Messages(inbox) {
			if !m.Flags.Equal(cutover.NewFlags(`\Seen`)) {
				t.Errorf("flags %v in the cloud, want only \\Seen", m.Flags)
			}
		}
		if n := len(w.new().Messages(inbox)); n != 2 {
			t.Errorf("%d messages in the cloud, want both", n)
		}
	})
}

// The legacy server loses its references, or is restored from a backup: nothing is put a second time.
func TestReferencesThatEnd(t *testing.T) {
	for name, upset := range map[string]func(*memstore.Mailbox){
		"new validity":    func(b *memstore.Mailbox) { b.Renew(inbox) },
		"restored backup": func(b *memstore.Mailbox) { b.Rollback(inbox, 20) },
		"restored backup, and mail since": func(b *memstore.Mailbox) {
			b.Rollback(inbox, 20)
			for i := range 15 {
				b.Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(100+i), "later"), Date: time.Now().Truncate(time.Second)})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 10}, memstore.Options{})
				date := time.Now().Truncate(time.Second)
				for i := range 30 {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i%25), "hello"), Date: date.Add(time.Duration(i) * time.Second)})
				}
				w.run(10 * time.Second)
				upset(w.old())
				for i := range 15 {
					if strings.Contains(name, "since") {
						break // they are there
					}
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(100+i), "later"), Date: date})
				}
				w.run(10 * time.Minute)
				if n := len(w.new().Messages(inbox)); n != 45 {
					t.Errorf("%d messages in the cloud, want the 30 of before and 15 later ones", n)
				}
				w.run(10 * time.Minute)
				if n := len(w.new().Messages(inbox)); n != 45 {
					t.Errorf("%d messages in the cloud after another run, want 45", n)
				}
			})
		})
	}
}

// Every step of either store fails at random, replies are lost after the put, and the process ends and begins again: in the end both sides hold the same multiset.
func TestExactlyOnceWhateverFails(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7}, memstore.Options{Batch: 7, OutOfOrder: seed%2 == 0, NoPlaces: seed%4 == 3})
				paths := w.fill(seed+100, 120)
				random := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex // both stores ask, from goroutines of their own
				fault := func(string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if random.IntN(12) == 0 {
						return fmt.Errorf("cut: %w", bridge.ErrConnection)
					}
					return nil
				}
				for range 6 {
					w.old().SetFault(fault)
					w.new().SetFault(fault)
					mu.Lock()
					span := time.Duration(random.IntN(60)+1) * time.Second
					mu.Unlock()
					w.run(span)
				}
				w.old().SetFault(nil)
				w.new().SetFault(nil)
				w.run(10 * time.Minute)
				w.wantEqual(paths...)
			})
		})
	}
}

func TestARefusedItemIsSavedAndNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{MaxSize: 2000})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("small", "fits"), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("big", string(make([]byte, 3000))), Date: date})
		w.start()
		time.Sleep(10 * time.Second)
		tally, err := w.ledger.Tally(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		if tally.Items[cutover.Refused] != 1 || tally.Items[cutover.Copied] != 1 {
			t.Errorf("dispositions %v, want one copied and one refused", tally.Items)
		}
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		if report.Equal != 1 || len(report.Missing) != 1 || !strings.Contains(report.Missing[0].Why, "saved as") || len(report.Extra) != 0 {
			t.Errorf("report %+v", report)
		}
		w.stop()
	})
}

func TestARefusedLoginShowsItsReason(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().SetFault(func(string, int) error { return fmt.Errorf("bad password: %w", bridge.ErrLogin) })
		w.start()
		time.Sleep(time.Second)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Problem || !p.Login || p.Next.IsZero() {
			t.Errorf("progress %+v, want a refused login and the time of the next try", p)
		}
	})
}

func TestDepositAndFind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		defer w.stop()
		raw := mail("deposited", "hello")
		id := cutover.IdentityOf(raw)
		if seen, err := w.bridge.Find(t.Context(), anna.ID, cutover.Cloud, []cutover.Identity{id}); err != nil || len(seen) != 0 {
			t.Fatalf("before: %v, %v", seen, err)
		}
		for range 2 {
			if _, err := w.bridge.Deposit(t.Context(), anna.ID, id, time.Now(), memstore.NewContent(raw)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Errorf("%d copies after two deposits, want 1", n)
		}
		if _, err := w.bridge.Deposit(t.Context(), "nobody@example.com", id, time.Now(), memstore.NewContent(raw)); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("deposit for nobody: %v", err)
		}
	})
}

func TestAMailboxWithoutAServerIsNotFollowed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var asked atomic.Int32
		w.old().SetFault(func(string, int) error { asked.Add(1); return fmt.Errorf("nothing configured: %w", bridge.ErrNoServer) })
		w.start()
		time.Sleep(time.Hour)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Unfollowed || p.Error == "" {
			t.Errorf("progress %+v, want a mailbox that is not followed, and why", p)
		}
		if n := asked.Load(); n > 4 {
			t.Errorf("asked %d times for a server that is not there", n)
		}
	})
}
