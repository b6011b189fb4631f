package relay_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// disk is a process's ledger on a disk that is full now and then.
type disk struct {
	*process
	chance *chance
}

var errFull = fmt.Errorf("test: %w", ledger.ErrNoSpace)

func (d *disk) fails() bool { return d.chance.mishap(8) }

func (d *disk) Update(ctx context.Context, all ...ledger.Delivery) error {
	if d.fails() {
		return errFull
	}
	err := d.process.Update(ctx, all...)
	if err == nil && d.fails() {
		return errFull // as where the journal failed in the act
	}
	return err
}

func (d *disk) Act(ctx context.Context, done string, all ...ledger.Delivery) error {
	if d.fails() {
		return errFull
	}
	return d.process.Act(ctx, done, all...)
}

func (d *disk) Begin(ctx context.Context, now time.Time, all ...ledger.Delivery) ([]ledger.Delivery, error) {
	if d.dead.Load() {
		return nil, ledger.ErrClosed
	}
	if d.fails() {
		return nil, errFull
	}
	return d.process.Begin(ctx, now, all...)
}

func (d *disk) Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error) {
	if d.fails() {
		return ledger.Capture{}, errFull
	}
	return d.process.Capture(ctx, id)
}

func (d *disk) DueDeliveries(ctx context.Context, destination string, s ledger.DeliveryState, now, latest time.Time, limit int) ([]ledger.Delivery, time.Time, error) {
	if d.fails() {
		return nil, time.Time{}, errFull
	}
	return d.process.DueDeliveries(ctx, destination, s, now, latest, limit)
}

func (d *disk) History(ctx context.Context, id cutover.CaptureID) ([]ledger.Event, error) {
	if d.fails() {
		return nil, errFull
	}
	return d.process.History(ctx, id)
}

func (d *disk) NewBody(ctx context.Context) (ledger.Body, error) {
	if d.fails() {
		return nil, errFull
	}
	b, err := d.process.NewBody(ctx)
	return fullBody{b, d}, err
}

// fullBody finds no room at its end.
type fullBody struct {
	ledger.Body
	d *disk
}

func (b fullBody) Commit(ctx context.Context, c ledger.Capture, all []ledger.Delivery, o evidence.Observation) ([]ledger.Delivery, error) {
	if b.d.fails() {
		b.Abort()
		return nil, errFull
	}
	return b.Body.Commit(ctx, c, all, o)
}

// faults is a world in which more goes wrong: each process has the ledger that the one before it left on the disk.
type faults struct {
	*world
	folder string
	jumps  bool
	full   bool
	tees   bool // which are not waited for when bodies are pruned
}

func newFaults(t *testing.T, seed uint64) *faults {
	t.Helper()
	w := newWorld(t, seed)
	w.courier.Stop(context.Background())
	w.ledger.Close()
	f := &faults{world: w, tees: seed%3 == 0, folder: t.TempDir()}
	f.ledger = openLedger(t, f.folder)
	return f
}

// next is the next process on what the disk has.
func (f *faults) next() {
	f.t.Helper()
	f.alive = &process{Captures: f.ledger, slow: func() {}}
	f.config.Ledger, f.cfg.Ledger = f.alive, f.alive
	if f.full {
		d := &disk{f.alive, f.chance}
		f.config.Ledger, f.cfg.Ledger = d, d
	}
	f.restart(f.cfg)
}

// kill copies the disk, and goes on there.
func (f *faults) kill() {
	synctest.Wait()
	to := filepath.Join(f.t.TempDir(), "state")
	if err := os.CopyFS(to, os.DirFS(f.folder)); err != nil {
		f.t.Fatal(err)
	}
	_ = os.RemoveAll(filepath.Join(to, "ledger.db-shm"))
	f.alive.dead.Store(true)
	old, oldLedger := f.courier, f.ledger
	f.hands.Go(func() {
		old.Stop(context.Background())
		oldLedger.Close()
	})
	f.folder = to
	f.ledger = openLedger(f.t, to)
	f.next()
}

// jump sets the wall clock by up to a day and a half, or by up to two minutes.
func (f *faults) jump() {
	by := time.Duration(f.chance.n(int(3*day))) - 36*time.Hour
	if f.chance.n(2) == 0 {
		by /= 1000
	}
	f.clock.Set(by)
}

// bring brings a message in as a sender does: again and again, until it is taken.
func (f *faults) bring(m message) {
	for range 100 {
		if _, err := f.take(m); err == nil {
			return
		} else if !errors.Is(err, ledger.ErrNoSpace) {
			f.t.Fatal(err)
		}
		time.Sleep(f.chance.upTo(3 * time.Second))
	}
	f.t.Fatal("never taken")
}

func (f *faults) play() {
	f.next()
	var sent []message
	for range 50 {
		sent = append(sent, f.send(sent))
		time.Sleep(f.chance.upTo(4 * time.Second))
		if f.deeds {
			f.meddle()
		}
		if f.jumps && f.chance.n(6) == 0 {
			f.jump()
		}
		if f.chance.n(3) == 0 && !f.tees {
			if _, err := f.ledger.Prune(context.Background(), f.clock.Now()); err != nil {
				f.t.Error(err)
			}
		}
		if f.chance.n(12) == 0 {
			f.kill()
		}
	}
	f.settle()
	f.check()
	f.count()
}

// send brings in one of the messages that were sent, or another.
func (f *faults) send(sent []message) message {
	if len(sent) > 0 && f.chance.n(5) == 0 {
		m := sent[f.chance.n(len(sent))]
		f.bring(m)
		return m
	}
	all := []cutover.Address{"anna@example.com", "bob@example.com", "room@example.com", "all@example.com"}
	recipients := slices.DeleteFunc(slices.Clone(all), func(cutover.Address) bool { return f.chance.n(3) > 0 })
	if len(recipients) == 0 {
		recipients = all[:1]
	}
	m := f.complete(to(recipients...))
	if f.chance.n(10) == 0 {
		m.body += strings.Repeat("large\r\n", 10_000)
	}
	f.bring(m)
	return m
}

// settle waits until all has come to its end, once things are calm.
func (f *faults) settle() {
	f.chance.calm.Store(true)
	f.hands.Wait()
	time.Sleep(20 * time.Minute)
	if f.jumps { // what was put off by a clock that was ahead is due some hours later
		f.clock.Set(13 * time.Hour)
		time.Sleep(20 * time.Minute)
	}
	if f.deeds {
		f.letGo()
	}
	f.kill()
	time.Sleep(5 * time.Minute)
	f.hands.Wait()
	if err := f.courier.Stop(f.t.Context()); err != nil {
		f.t.Error(err)
	}
}

// count compares what the queue is said to be with its rows.
func (f *faults) count() {
	backlog, err := f.ledger.Backlog(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	counted := map[ledger.DeliveryState]int{}
	for _, d := range f.deliveries(ledger.DeliveryFilter{Required: true}) {
		counted[d.State]++
	}
	equal(f.t, "the backlog", backlog, counted)
}

// playFaults plays a few worlds on a disk of their own.
func playFaults(t *testing.T, first int, change func(*faults)) {
	for seed := range (*worlds + 3) / 4 { // they take long
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaults(t, uint64(first+seed))
				change(f)
				f.play()
			})
		})
	}
}

// TestRandomDisk: the same holds where the disk is full at random, bodies are pruned as soon as they may be, a person meddles, and a process that was killed leaves to the next what its disk has, the
// journal too. What senders were told is not taken they bring again.
func TestRandomDisk(t *testing.T) {
	playFaults(t, 7001, func(f *faults) { f.full, f.deeds = true, true })
}

// TestRandomClock: the same holds where the wall clock is set forward and back by seconds, hours and days.
func TestRandomClock(t *testing.T) {
	playFaults(t, 8001, func(f *faults) { f.jumps = true })
}
