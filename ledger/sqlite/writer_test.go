package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/ledger"
)

// stall occupies the writer until release is called: what is submitted meanwhile makes one group with it. release returns the stalling change's own
// outcome.
func stall(l *Ledger) (release func() error) {
	running, open, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		runs := sync.OnceFunc(func() { close(running) })
		done <- l.changeAgain(context.Background(), func(*tx) error {
			runs()
			<-open
			return nil
		})
	}()
	<-running
	return func() error {
		close(open)
		return <-done
	}
}

// submitted starts a change and returns when it waits in the writer's queue.
func submitted(t *testing.T, l *Ledger, ctx context.Context, run func(*tx) error) <-chan error {
	t.Helper()
	return submittedBy(t, l, func() error { return l.change(ctx, run) })
}

func submittedBy(t *testing.T, l *Ledger, change func() error) <-chan error {
	t.Helper()
	before := len(l.w.changes)
	done := make(chan error, 1)
	go func() { done <- change() }()
	for len(l.w.changes) == before {
		select {
		case err := <-done:
			t.Fatalf("the change did not wait: %v", err)
		default:
		}
	}
	return done
}

func setFact(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec("INSERT INTO facts VALUES (?, 'x')", name)
		return err
	}
}

func factNames(t *testing.T, l *Ledger) string {
	t.Helper()
	return ask[string](t, l, "SELECT coalesce(group_concat(name, ' '), '') FROM (SELECT name FROM facts ORDER BY name)")
}

func TestGroupIsOneCommit(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	groups := 0
	err := l.change(t.Context(), func(*tx) error {
		l.w.onGroup = func(*tx) error { groups++; return nil }
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	release := stall(l)
	var waiting []<-chan error
	for n := range 50 {
		waiting = append(waiting, submitted(t, l, t.Context(), setFact(fmt.Sprint("f", n))))
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	for _, w := range waiting {
		if err := <-w; err != nil {
			t.Error(err)
		}
	}
	mustClose(t, l)
	if groups != 1 {
		t.Errorf("51 changes took %d transactions, want 1", groups)
	}
}

// TestFailingMemberIsUndoneAlone: whether the members of the group can be run again, cannot, or come mixed.
func TestFailingMemberIsUndoneAlone(t *testing.T) {
	for name, again := range map[string]func(n int) bool{
		"once":                    func(int) bool { return false },
		"again":                   func(int) bool { return true },
		"again, the first ones":   func(n int) bool { return n < 2 },
		"again, but not at first": func(n int) bool { return n > 0 },
	} {
		t.Run(name, func(t *testing.T) { failingMembers(t, again) })
	}
}

func failingMembers(t *testing.T, again func(n int) bool) {
	n := -1
	submitted := func(t *testing.T, l *Ledger, ctx context.Context, run func(*tx) error) <-chan error {
		n++
		if again(n) {
			return submittedBy(t, l, func() error { return l.changeAgain(ctx, run) })
		}
		return submitted(t, l, ctx, run)
	}
	l := openIn(t, t.TempDir(), Options{})
	mistake := errors.New("a mistake")
	fails := func(name string, end func() error) func(*tx) error {
		return func(tx *tx) error {
			if err := setFact(name)(tx); err != nil {
				return err
			}
			tx.committed(func() { t.Errorf("%s counts as committed", name) })
			return end()
		}
	}
	release := stall(l)
	good1 := submitted(t, l, t.Context(), setFact("good 1"))
	bad := submitted(t, l, t.Context(), fails("bad", func() error { return mistake }))
	panics := submitted(t, l, t.Context(), fails("worse", func() error { panic("oh no") }))
	twice := submitted(t, l, t.Context(), setFact("good 1"))
	good2 := submitted(t, l, t.Context(), setFact("good 2"))
	if err := release(); err != nil {
		t.Error(err)
	}
	if err := <-good1; err != nil {
		t.Error(err)
	}
	if err := <-bad; !errors.Is(err, mistake) {
		t.Errorf("the failing change got %v", err)
	}
	if err := <-panics; err == nil || !strings.Contains(err.Error(), "panic in a change: oh no") {
		t.Errorf("the panicking change got %v", err)
	}
	if err := <-twice; !isDuplicate(err) {
		t.Errorf("the duplicate got %v", err)
	}
	if err := <-good2; err != nil {
		t.Error(err)
	}
	if got := factNames(t, l); got != "good 1 good 2" {
		t.Errorf("stored: %s", got)
	}
}

func TestLoneChangeThatFailsIsUndone(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	err := l.change(t.Context(), func(tx *tx) error {
		if err := setFact("a")(tx); err != nil {
			t.Error(err)
		}
		panic("oh no")
	})
	if err == nil {
		t.Error("the panic was lost")
	}
	if err := l.SetFact(t.Context(), "b", "x"); err != nil {
		t.Error(err)
	}
	if got := factNames(t, l); got != "b" {
		t.Errorf("stored: %s", got)
	}
}

// TestFailedCommit leaves a dangling reference, which SQLite notices only when it commits: everybody in the group must hear of it.
func TestFailedCommit(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	release := stall(l)
	first := submitted(t, l, t.Context(), setFact("first"))
	dangling := submitted(t, l, t.Context(), func(tx *tx) error {
		if _, err := tx.exec("PRAGMA defer_foreign_keys = ON"); err != nil {
			return err
		}
		_, err := tx.exec("INSERT INTO bodies VALUES (4711, x'00')")
		return err
	})
	outcomes := []error{release(), <-first, <-dangling}
	for n, err := range outcomes {
		var inTheAct *commitError
		if !errors.As(err, &inTheAct) {
			t.Errorf("member %d got %v, want the failure of the commit", n, err)
		}
	}
	if err := l.SetFact(t.Context(), "after", "x"); err != nil {
		t.Errorf("the ledger does not work on: %v", err)
	}
	if got := factNames(t, l); got != "after" {
		t.Errorf("stored: %s", got)
	}
}

func TestContextEndsWhileWaiting(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	release := stall(l)
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := submitted(t, l, ctx, setFact("gave up"))
	stays := submitted(t, l, t.Context(), setFact("stays"))
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error while the writer is busy", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if err := <-stays; err != nil {
		t.Error(err)
	}
	if got := factNames(t, l); got != "stays" {
		t.Errorf("stored: %s", got)
	}
}

func TestContextEndsWhileRunning(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := l.change(ctx, func(tx *tx) error {
		cancel()
		return setFact("done")(tx)
	})
	if err != nil {
		t.Errorf("a change that was taken reports %v, want its own outcome", err)
	}
	if got := factNames(t, l); got != "done" {
		t.Errorf("stored: %q", got)
	}
}

func TestCloseFinishesWhatWaits(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	release := stall(l)
	waits := submitted(t, l, t.Context(), setFact("waits"))
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	if err := release(); err != nil {
		t.Error(err)
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := l.SetFact(t.Context(), "late", "x"); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if got := factNames(t, openIn(t, folder, Options{})); got != "waits" {
		t.Errorf("stored: %s", got)
	}
}

func TestGroupIsBounded(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	groups := 0
	if err := l.change(t.Context(), func(*tx) error { l.w.onGroup = func(*tx) error { groups++; return nil }; return nil }); err != nil {
		t.Fatal(err)
	}
	release := stall(l)
	var wg sync.WaitGroup
	for n := range 2 * maxGroup {
		wg.Go(func() {
			if err := l.change(t.Context(), setFact(fmt.Sprint(n))); err != nil {
				t.Error(err)
			}
		})
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	mustClose(t, l)
	if groups < 3 {
		t.Errorf("%d changes in %d transactions, want at most %d in each", 2*maxGroup+1, groups, maxGroup)
	}
}

// What can wait is committed together with what comes next; where nothing comes it is committed all the same.
func TestWhatCanWaitIsCommittedWithTheNext(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	groups := 0
	set := func(patience time.Duration) {
		err := l.change(t.Context(), func(*tx) error {
			l.w.onGroup = func(*tx) error { groups++; return nil }
			l.w.patience = patience
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(time.Nanosecond)
	if err := l.note(t.Context(), setFact("alone")); err != nil || groups != 1 {
		t.Fatalf("alone: %v in %d groups", err, groups)
	}
	set(time.Hour)
	groups = 0
	running, noted := make(chan struct{}), make(chan error, 1)
	runs := sync.OnceFunc(func() { close(running) }) // it is tried without the database first
	go func() {
		noted <- l.note(t.Context(), func(x *tx) error {
			runs()
			return setFact("noted")(x)
		})
	}()
	<-running
	if err := l.change(t.Context(), setFact("urgent")); err != nil {
		t.Fatal(err)
	}
	if err := <-noted; err != nil || groups != 1 {
		t.Errorf("%v in %d groups, want 1", err, groups)
	}
	if names := factNames(t, l); names != "alone noted urgent" {
		t.Errorf("there is %q", names)
	}
}
