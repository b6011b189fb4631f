package demo

import (
	"context"
	"time"

	"posthouse/internal/clock"
	"posthouse/internal/control"
)

// play tells the story, beat by beat. life is the context of what goes on beside it, and outlives the story when everything is held.
func (r *runner) play(ctx, life context.Context, fail context.CancelCauseFunc) error {
	if err := r.open(); err != nil {
		return err
	}
	beats := []struct {
		doing string
		do    func(context.Context) error
	}{
		{"starting the service", func(ctx context.Context) error { return r.begin(ctx, life, fail) }},
		{"copying", r.copy},
		{"switching the MX records", r.switchMX},
		{"killing the service", r.crash},
		{"moving the last mailboxes", r.moveLast},
		{"waiting for the mail by the old way to end", r.trickle},
		{"taking the last late message", r.lastLate},
		{"waiting for the verdict", r.ready},
		{"verifying", r.prove},
	}
	for _, b := range beats {
		r.doing = b.doing
		if err := b.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin starts the clock, the service and everybody's mail.
func (r *runner) begin(ctx, life context.Context, fail context.CancelCauseFunc) (err error) {
	r.epoch = time.Now()
	r.clock = clock.FastSince(r.epoch, day0, speed)
	r.world.clock = r.clock
	if r.diary, err = openDiary(r.settings.log(), r.clock); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	pieces := newPlanner(r.Seed, r.plan, day0).pieces(r.world.senders)
	r.flow = newFlow(r.world, r.settings.listener, r.diary, r.way, fail)
	r.flowed = make(chan struct{})
	r.arrived = make(chan struct{})
	go func() {
		defer close(r.flowed)
		done := make(chan struct{})
		go func() { defer close(done); r.flow.probes(life) }()
		r.flow.run(life, pieces)
		close(r.arrived)
		<-done
	}()
	return nil
}

// start starts the service and returns when it answers.
func (r *runner) start(ctx context.Context) (err error) {
	if r.child, err = startChild(r.Program, r.settings.file(), day0, r.epoch, r.log); err != nil {
		return err
	}
	return r.until(ctx, 20*time.Millisecond, func(control.Status) (bool, error) { return true, nil })
}

// copy waits for the first copy, and compares it.
func (r *runner) copy(ctx context.Context) error {
	err := r.until(ctx, ask, func(s control.Status) (bool, error) {
		r.days()
		r.tell(Event{Kind: Copying, Copy: &Copy{Done: s.Copy.Messages, Total: max(s.Copy.Total, s.Copy.Messages, r.plan.messages)}})
		return s.Copy.Caught == len(mailboxes) && calendarsCaught(s), nil
	})
	if err != nil {
		return err
	}
	r.flow.copied.Store(true)
	missing, err := r.missingOfFirst()
	if err != nil {
		return err
	}
	r.tell(Event{Kind: Copied, Copy: &Copy{Done: r.plan.messages - missing, Total: r.plan.messages, Missing: missing}})
	return nil
}

// missingOfFirst compares what lay in the old mailboxes at first with the new ones.
func (r *runner) missingOfFirst() (int, error) {
	missing := 0
	for _, m := range mailboxes {
		items, err := readMailbox(r.world.cloud, m.address())
		if err != nil {
			return 0, err
		}
		got := map[spot]int{}
		for _, i := range items {
			got[i.spot()]++
		}
		for at, n := range r.world.first {
			if at.mailbox == m.address() {
				missing += max(0, n-got[at])
			}
		}
	}
	return missing, nil
}

// switchMX is the day on which the world learns of the new server, some sooner, some later; most people begin to read there.
func (r *runner) switchMX(ctx context.Context) error {
	if err := r.reach(ctx, r.plan.switched); err != nil {
		return err
	}
	at := r.clock.Now()
	r.settings.switched, r.settings.home[moving] = at, "cloud"
	if err := r.reload(ctx); err != nil {
		return err
	}
	r.switched.Store(&at)
	r.world.changeCalendars()
	r.tell(Event{Kind: Switched})
	return nil
}

func (r *runner) reload(ctx context.Context) error {
	if err := r.settings.write(); err != nil {
		return err
	}
	return r.child.reload(ctx)
}

// way is where a sender's mail goes at an instant.
func (r *runner) way(s sender, now time.Time) way {
	switched := r.switched.Load()
	switch {
	case s.habit == pinned:
		return byOld
	case switched == nil || s.habit == sticky:
		return byListener
	case s.habit == slow && now.Sub(*switched) < s.learns:
		return byListener
	}
	return byNew
}

// moveLast gives the last mailboxes their new home.
func (r *runner) moveLast(ctx context.Context) error {
	if err := r.reach(ctx, r.plan.moved); err != nil {
		return err
	}
	r.settings.home[last] = "cloud"
	if err := r.reload(ctx); err != nil {
		return err
	}
	r.tell(Event{Kind: Moved})
	return nil
}

// trickle waits until everything that was to be sent has been taken.
func (r *runner) trickle(ctx context.Context) error {
	if err := r.reach(ctx, r.plan.quietFrom); err != nil {
		return err
	}
	select {
	case <-r.arrived:
		return nil
	case <-r.child.done:
		return r.child.ended()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lastLate is the payroll, which is sent once a month and knows nothing of any switch.
func (r *runner) lastLate(ctx context.Context) error {
	if err := r.reach(ctx, r.plan.lastLate); err != nil {
		return err
	}
	s := r.world.senders[0]
	p := newPlanner(r.Seed+1, r.plan, day0)
	l := p.letter(s.address(), []string{mailboxes[0].address()}, r.clock.Now(), s.host)
	if err := r.flow.send(ctx, s, l, byListener); err != nil {
		return err
	}
	r.tell(Event{Kind: Late, Sender: s.from})
	return nil
}

// ready waits for the verdict: that the mailbox server may stop, and that the old address may go silent. A verdict that does not come is told in the end, beside what the comparisons found.
func (r *runner) ready(ctx context.Context) error {
	var v *Verdict
	latest := r.clock.Now().Add(2*r.plan.quiet + 12*hour)
	err := r.until(ctx, ask, func(s control.Status) (bool, error) {
		r.days()
		v, r.isReady = verdictOf(s)
		if !r.isReady {
			r.tell(Event{Kind: Waiting, Verdict: v})
		}
		return r.isReady || r.clock.Now().After(latest), nil
	})
	if err != nil {
		return err
	}
	if r.isReady {
		r.tell(Event{Kind: Ready, Verdict: v})
	}
	r.verdict = v
	return nil
}
