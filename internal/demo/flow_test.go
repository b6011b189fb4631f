package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

// newTestFlow has a listener that does what script says and takes the rest.
func newTestFlow(t *testing.T, script func(testserver.SMTPCall) *testserver.Reply) (f *flow, listener *testserver.SMTP, failure func() error) {
	t.Helper()
	w, err := newWorld(5, 60)
	must(t, err)
	must(t, w.start())
	t.Cleanup(w.stop)
	listener = testserver.NewSMTP(testserver.SMTPConfig{Script: script})
	must(t, listener.Start())
	t.Cleanup(listener.Stop)
	d, err := openDiary(filepath.Join(t.TempDir(), "dovecot.log"), w.clock)
	must(t, err)
	t.Cleanup(func() { d.close() })
	ctx, fail := context.WithCancelCause(t.Context())
	t.Cleanup(func() { fail(nil) })
	ways := func(s sender, _ time.Time) way {
		if s.habit == pinned {
			return byOld
		}
		return byListener
	}
	return newFlow(w, listener.Addr(), d, ways, fail), listener, func() error { return context.Cause(ctx) }
}

func TestSendersComeAgain(t *testing.T) {
	var calls atomic.Int32
	f, listener, _ := newTestFlow(t, func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage != testserver.AtBody {
			return nil
		}
		switch calls.Add(1) {
		case 1:
			return testserver.Refuse(451, "4.3.0 not now")
		case 2:
			return &testserver.Reply{Drop: true}
		}
		return nil
	})
	l := newPlanner(1, smallPlan, day0).letter(f.w.senders[0].address(), []string{"team@example.com"}, noon, "x")
	before := f.w.book.size()
	must(t, f.send(t.Context(), f.w.senders[0], l, byListener))
	if listener.Accepted() != 1 || calls.Load() != 3 {
		t.Errorf("%d attempts, %d accepted", calls.Load(), listener.Accepted())
	}
	if n := f.w.book.size() - before; n != 3 || f.counted().Listener != 1 {
		t.Errorf("%d in the book, traffic %+v", n, f.counted())
	}
}

func TestSendersRepeatWhatTheyDidNotHear(t *testing.T) {
	f, listener, _ := newTestFlow(t, nil)
	l := newPlanner(1, smallPlan, day0).letter(f.w.senders[0].address(), []string{anna}, noon, "x")
	l.repeated = true
	before := f.w.book.size()
	must(t, f.send(t.Context(), f.w.senders[0], l, byListener))
	if listener.Accepted() != 2 || f.w.book.size()-before != 1 {
		t.Errorf("sent %d times, %d in the book", listener.Accepted(), f.w.book.size()-before)
	}
}

func TestARefusalForGoodEndsTheDemonstration(t *testing.T) {
	f, _, failure := newTestFlow(t, func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && strings.HasPrefix(c.Arg, "ben@") {
			return testserver.Refuse(550, "5.1.1 unknown")
		}
		return nil
	})
	l := newPlanner(1, smallPlan, day0).letter(f.w.senders[0].address(), []string{anna, "ben@example.com"}, noon, "x")
	f.run(t.Context(), []piece{{f.w.clock.Now(), func(ctx context.Context, f *flow) error { return f.send(ctx, f.w.senders[0], l, byListener) }}})
	if err := failure(); err == nil || !strings.Contains(err.Error(), "refused mail from payroll@acme.example") {
		t.Errorf("failure: %v", err)
	}
}

func TestAnOpenRelayEndsTheDemonstration(t *testing.T) {
	f, _, _ := newTestFlow(t, nil)
	if err := f.probe(t.Context(), 1); err == nil {
		t.Error("a listener that relays for strangers was not noticed")
	}
	f.listener = f.w.legacySMTP.Addr()
	if err := f.probe(t.Context(), 2); err != nil || f.counted().Unwanted != 1 {
		t.Errorf("refused probe: %v, traffic %+v", err, f.counted())
	}
	f.w.legacySMTP.Stop()
	if err := f.probe(t.Context(), 3); err != nil {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestPeopleOnTheOldSide(t *testing.T) {
	f, _, _ := newTestFlow(t, nil)
	from, to := mailboxes[0], mailboxes[1]
	l := newPlanner(1, smallPlan, day0).letter(from.owner(), []string{to.address()}, noon, oldHost)
	must(t, f.write(from, to, l))
	must(t, f.mark(from, 2, []string{`\Flagged`}))
	must(t, f.remove(from, 1)) // not copied yet: stays
	f.copied.Store(true)
	must(t, f.remove(from, 3))
	all := map[string]int{}
	items, err := readMailbox(f.w.legacy, from.address())
	must(t, err)
	for _, i := range items {
		all[i.path+" "+i.flags]++
		if i.path == inbox && i.uid == 3 {
			t.Error("what was removed is there")
		}
		if i.core == l.core && i.folder != `\Sent` {
			t.Errorf("the letter lies in %s", i)
		}
	}
	if all["INBOX \\flagged"] != 1 {
		t.Errorf("the mark is not there: %v", all)
	}
	c := comparison{book: f.w.book, result: Comparison{}}
	c.untouched(items)
	if c.result.Twice != 0 {
		t.Errorf("%+v", c.result)
	}
	log, err := os.ReadFile(f.diary.file.Name())
	must(t, err)
	if n := strings.Count(string(log), "Login: user=<anna@example.com>"); n != 3 || strings.Count(string(log), "Logged out") != n || f.counted().Logins != 3 {
		t.Errorf("%d logins in\n%s", n, log)
	}
}

func TestFlowPauses(t *testing.T) {
	f, listener, failure := newTestFlow(t, nil)
	must(t, f.pause(t.Context()))
	p := newPlanner(1, smallPlan, day0)
	var pieces []piece
	for i := range 3 * abreast {
		l := p.letter(f.w.senders[i].address(), []string{anna}, noon, "x")
		pieces = append(pieces, piece{f.w.clock.Now(), func(ctx context.Context, f *flow) error { return f.send(ctx, f.w.senders[i], l, byListener) }})
	}
	done := make(chan struct{})
	go func() { defer close(done); f.run(t.Context(), pieces) }()
	if err := f.pause(t.Context()); err != nil || listener.Accepted() != 0 {
		t.Errorf("%d were sent while the flow paused, %v", listener.Accepted(), err)
	}
	f.resume()
	<-done
	if listener.Accepted() != len(pieces) || failure() != nil {
		t.Errorf("%d of %d were sent, %v", listener.Accepted(), len(pieces), failure())
	}
}

func TestFlowEndsWithItsContext(t *testing.T) {
	f, listener, failure := newTestFlow(t, func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtMail {
			return testserver.Refuse(451, "4.3.0 never")
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	l := newPlanner(1, smallPlan, day0).letter(f.w.senders[0].address(), []string{anna}, noon, "x")
	begun := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(ctx, []piece{
			{f.w.clock.Now(), func(ctx context.Context, f *flow) error {
				close(begun)
				return f.send(ctx, f.w.senders[0], l, byListener)
			}},
			{f.w.clock.Now().Add(time.Hour), func(context.Context, *flow) error { t.Error("an hour has not passed"); return nil }},
		})
	}()
	<-begun
	cancel()
	<-done
	if listener.Accepted() != 0 || failure() != nil {
		t.Errorf("%d accepted, %v", listener.Accepted(), failure())
	}
}

func TestWays(t *testing.T) {
	r := &runner{}
	hours := func(n int) time.Time { return day0.Add(time.Duration(n) * hour) }
	senders := map[habit]sender{prompt: {habit: prompt}, slow: {habit: slow, learns: 10 * hour}, pinned: {habit: pinned}, sticky: {habit: sticky}}
	check := func(at int, want map[habit]way) {
		t.Helper()
		for h, w := range want {
			if got := r.way(senders[h], hours(at)); got != w {
				t.Errorf("hour %d: a %s sender takes %s, not %s", at, h, got, w)
			}
		}
	}
	check(5, map[habit]way{prompt: byListener, slow: byListener, pinned: byOld, sticky: byListener})
	at := hours(10)
	r.switched.Store(&at)
	check(11, map[habit]way{prompt: byNew, slow: byListener, pinned: byOld, sticky: byListener})
	check(20, map[habit]way{prompt: byNew, slow: byNew, pinned: byOld, sticky: byListener})
}
