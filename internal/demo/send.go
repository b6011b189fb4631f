package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthouse/internal/testserver"
)

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
