package e2e

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// stalls is a far end that goes silent at a step, once for each time it is told to.
type stalls struct{ next atomic.Pointer[stall] }

type stall struct {
	stage  testserver.Stage
	taken  bool // the message is accepted all the same
	struck chan struct{}
}

func (s *stalls) script(c testserver.SMTPCall) *testserver.Reply {
	now := s.next.Load()
	if now == nil || now.stage != c.Stage || !s.next.CompareAndSwap(now, nil) {
		return nil
	}
	close(now.struck)
	return &testserver.Reply{Accept: now.taken, Stall: true}
}

// The far end goes silent at any step, and the process is killed while it waits. The next life delivers what was not taken, and finds what was.
func TestKilledWhileTheFarEndStalls(t *testing.T) {
	t.Parallel()
	var far stalls
	o := newOffice(t, folder(t), small, far.script)
	var sent []string
	for i, step := range []stall{
		{stage: testserver.AtConnect}, {stage: testserver.AtHelo}, {stage: testserver.AtMail}, {stage: testserver.AtRcpt}, {stage: testserver.AtChunk},
		{stage: testserver.AtBody}, {stage: testserver.AtBody, taken: true},
	} {
		o.daemon.start()
		step.struck = make(chan struct{})
		far.next.Store(&step)
		number := fmt.Sprint(i)
		if answer := o.send(number, 200<<10, staff...); answer.Code != 250 {
			t.Fatalf("letter %s: %s", number, answer)
		}
		sent = append(sent, number)
		<-step.struck
		o.daemon.kill()
	}
	o.daemon.start()
	o.settled()
	for _, address := range staff {
		o.wantReceived(address, sent...)
	}
	o.daemon.stop()
}

// SMTP refuses every message for its size, and the process is killed right after the refusal, or as soon as the message lies in the mailbox: it lies there once.
func TestKilledWhileRescuing(t *testing.T) {
	t.Parallel()
	refused := make(chan struct{}, 100)
	o := newOffice(t, folder(t), small, func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage != testserver.AtBody {
			return nil
		}
		refused <- struct{}{}
		return testserver.Refuse(552, "5.3.4 Message size exceeds fixed maximum message size")
	})
	var sent []string
	for i := range 8 {
		o.daemon.start()
		number := fmt.Sprint(i)
		o.must(number, staff[0])
		sent = append(sent, number)
		<-refused
		if i%2 == 1 {
			neighbour.Wait(t, patience, "the letter to lie in the mailbox", func() bool { return o.received(staff[0])[number] > 0 })
		}
		o.daemon.kill()
	}
	o.daemon.start()
	o.settled()
	o.wantReceived(staff[0], sent...)
	if o.mx.Accepted() != 0 {
		t.Errorf("SMTP took %d", o.mx.Accepted())
	}
	o.daemon.stop()
}

var queueLength = flag.Int("queue", 5000, "how many messages TestLongQueue queues")

// However many messages wait for a cloud that is down, they leave when it is back, each once, after a kill, and within the daemon's memory.
func TestLongQueue(t *testing.T) {
	t.Parallel()
	o := newOffice(t, folder(t), small, nil)
	o.mx.Stop()
	o.daemon.start()
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for n := next.Add(1); n <= int64(*queueLength); n = next.Add(1) {
				if answer := o.send(fmt.Sprint(n), 0, staff[n%2]); answer.Code != 250 {
					t.Errorf("letter %d: %s", n, answer)
				}
			}
		})
	}
	senders.Wait()
	s := o.daemon.until("all to wait", func(s control.Status) bool { return s.Queue.Due+s.Queue.Sending == *queueLength })
	if s.Queue.Held+s.Queue.Settled != 0 {
		t.Errorf("%+v", s.Queue)
	}
	o.daemon.kill()
	began := time.Now()
	if err := o.mx.Start(); err != nil {
		t.Fatal(err)
	}
	o.daemon.start()
	within := patience + time.Duration(*queueLength)*10*time.Millisecond
	neighbour.Wait(t, within, "all to be taken", func() bool { return o.mx.Accepted() >= *queueLength })
	t.Logf("all taken %s after the start", time.Since(began).Round(time.Second))
	neighbour.Wait(t, within, "all to be seen", func() bool { return settledSince(time.Time{})(o.daemon.status()) })
	if n := len(o.received(staff[0])) + len(o.received(staff[1])); n != *queueLength || o.mx.Accepted() != n {
		t.Errorf("%d of %d letters arrived, %d were taken", n, *queueLength, o.mx.Accepted())
	}
	o.daemon.stop()
}
