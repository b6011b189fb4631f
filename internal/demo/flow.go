package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"posthouse/internal/testserver"
)

// flow carries the mail of senders and people, each piece when its time has come. It is safe for concurrent use.
type flow struct {
	w        *world
	listener string
	diary    *diary
	room     chan struct{} // one for each piece under way
	ways     func(sender, time.Time) way
	failed   context.CancelCauseFunc

	copied atomic.Bool // the first copy is done

	mu      sync.Mutex
	traffic Traffic
	gate    chan struct{} // closed while pieces may begin
}

// way is where a sender's mail goes.
type way string

const (
	byListener way = "the listener"
	byOld      way = "the old server"
	byNew      way = "the new server"
)

// piece is one thing to be done at its time.
type piece struct {
	due time.Time
	do  func(ctx context.Context, f *flow) error
}

// abreast is how many pieces are under way at one time.
const abreast = 6

func newFlow(w *world, listener string, d *diary, ways func(sender, time.Time) way, failed context.CancelCauseFunc) *flow {
	f := &flow{w: w, listener: listener, diary: d, room: make(chan struct{}, abreast), ways: ways, failed: failed, gate: make(chan struct{})}
	close(f.gate)
	return f
}

// run carries the pieces, which are in the order of their times, and returns when all have arrived or ctx has ended. The first failure ends the demonstration.
func (f *flow) run(ctx context.Context, pieces []piece) {
	var under sync.WaitGroup
	defer under.Wait()
	for _, p := range pieces {
		if f.begin(ctx, p.due) != nil {
			return
		}
		under.Go(func() {
			defer func() { <-f.room }()
			if err := p.do(ctx, f); err != nil && ctx.Err() == nil {
				f.failed(err)
			}
		})
	}
}

// begin waits for a piece's time, for the flow to go on, and for room.
func (f *flow) begin(ctx context.Context, due time.Time) error {
	if err := f.w.clock.Sleep(ctx, due.Sub(f.w.clock.Now())); err != nil {
		return err
	}
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	select {
	case <-gate:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case f.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause lets nothing new begin and returns when nothing is under way.
func (f *flow) pause(ctx context.Context) error {
	f.mu.Lock()
	f.gate = make(chan struct{})
	f.mu.Unlock()
	for taken := range abreast {
		select {
		case f.room <- struct{}{}:
		case <-ctx.Done():
			for range taken {
				<-f.room
			}
			return ctx.Err()
		}
	}
	for range abreast {
		<-f.room
	}
	return nil
}

func (f *flow) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.gate)
}

func (f *flow) count(add func(*Traffic)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	add(&f.traffic)
}

func (f *flow) counted() Traffic {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.traffic
}

// send is what a sender's system does: it tries until it hears 250, and then the message is in the book.
func (f *flow) send(ctx context.Context, s sender, l letter, by way) error {
	to := map[way]string{byListener: f.listener, byOld: f.w.legacySMTP.Addr(), byNew: f.w.cloudSMTP.Addr()}[by]
	client := testserver.Sender{Helo: s.host, LocalAddr: s.ip, Pipelined: l.serial%3 == 0, BDAT: l.serial%5 == 0, MailParams: "BODY=8BITMIME", Timeout: 20 * time.Second}
	for {
		r, err := client.Send(ctx, to, s.from, l.to, l.data)
		if err == nil && r.Final.OK() && allOK(r.Rcpts) {
			break
		}
		if err == nil && refused(r) {
			return fmt.Errorf("%s refused mail from %s to %v: %s", by, s.from, l.to, r.Final)
		}
		if err := again(ctx); err != nil {
			return err
		}
	}
	f.w.book.taken(f.w.dir.resolveAll(l.to), l.core, fmt.Sprintf("from %s to %s by %s", s.from, l.to, by))
	f.count(func(t *Traffic) { *map[way]*int{byListener: &t.Listener, byOld: &t.Old, byNew: &t.New}[by]++ })
	if l.repeated && by == byListener {
		// This sender did not hear the answer, and sends all of it again.
		_, _ = client.Send(ctx, to, s.from, l.to, l.data)
	}
	return nil
}

func allOK(answers []testserver.Answer) bool {
	for _, a := range answers {
		if !a.OK() {
			return false
		}
	}
	return true
}

// refused tells a refusal for good: such mail would be bounced.
func refused(r testserver.Result) bool {
	for _, a := range append(r.Rcpts, r.Greeting, r.Hello, r.Mail, r.Final) {
		if a.Code/100 == 5 {
			return true
		}
	}
	return false
}

// again is the rest before a sender's next try: of real time, because the network's time is real.
func again(ctx context.Context) error {
	select {
	case <-time.After(100 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is what a person does on the old server: log in, write to a colleague, find the letter among the sent ones.
func (f *flow) write(from, to mailbox, l letter) error {
	now := f.w.clock.Now().Truncate(time.Second)
	if err := f.visit(from); err != nil {
		return err
	}
	if _, err := f.w.legacy.Append(from.address(), from.sent(), l.data, []string{`\Seen`}, now); err != nil {
		return err
	}
	f.w.book.put(from.address(), `\Sent`, l.core, "sent by "+from.address()+" on the old server")
	if _, err := f.w.legacy.Append(to.address(), inbox, l.data, nil, now); err != nil {
		return err
	}
	f.w.book.put(to.address(), inbox, l.core, "from "+from.address()+" on the old server")
	f.count(func(t *Traffic) { t.Sent++; t.Old++ })
	return nil
}

// mark is what a person does with a message that was there from the beginning.
func (f *flow) mark(m mailbox, uid uint32, flags []string) error {
	if err := f.visit(m); err != nil {
		return err
	}
	return f.w.legacy.SetFlags(m.address(), inbox, uid, flags...)
}

// remove takes one out of the old mailbox, once it has been copied: what is removed before that is not to be found anywhere, and rightly.
func (f *flow) remove(m mailbox, uid uint32) error {
	if !f.copied.Load() {
		return nil
	}
	if err := f.visit(m); err != nil {
		return err
	}
	data, err := f.w.legacy.Bytes(m.address(), inbox, uid)
	if err != nil {
		return err
	}
	f.w.book.removed(m.address(), inbox, coreOf(data))
	return f.w.legacy.Remove(m.address(), inbox, uid)
}

// visit is a login on the old server.
func (f *flow) visit(m mailbox) error {
	f.count(func(t *Traffic) { t.Logins++ })
	return f.diary.login(m.address(), m.device())
}

// probe is what every address on the internet sees every day: somebody tries whether we relay.
func (f *flow) probe(ctx context.Context, n int) error {
	ip := fmt.Sprintf("127.0.2.%d", n%250+1)
	client := testserver.Sender{Helo: "scan.invalid", LocalAddr: ip, Timeout: 5 * time.Second}
	r, err := client.Send(ctx, f.listener, "probe@scan.invalid", []string{"victim@elsewhere.invalid"}, []byte("Subject: test\r\n\r\ntest\r\n"))
	if err != nil {
		return nil // nobody listens just now
	}
	if r.Final.OK() {
		return errors.New("the listener relayed a stranger's mail to a stranger")
	}
	f.count(func(t *Traffic) { t.Unwanted++ })
	return nil
}

// probeEvery keeps the listener in contact with the outside world, as the verdict demands.
const probeEvery = 8 * time.Hour

func (f *flow) probes(ctx context.Context) {
	for n := 0; ; n++ {
		if err := f.probe(ctx, n); err != nil && ctx.Err() == nil {
			f.failed(err)
		}
		if f.w.clock.Sleep(ctx, probeEvery) != nil {
			return
		}
	}
}
