package logtail

import (
	"context"
	"fmt"
	"time"
)

// doubt is what others know against a log: something happened on its server, and it does not show it.
type doubt struct {
	why  string    // "" is no doubt
	from time.Time // since when the log may have shown nothing
	due  bool      // coverage from then on is to be withdrawn, even if the doubt ends before the next poll
}

// Doubt says that the log did not show what it must have shown. It gives no coverage from the next poll on, and what it gave since that instant is withdrawn; "" ends it. It may be called
// at any time.
func (f *Follower) Doubt(why string, from time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if why != "" && (f.doubt.why == "" && !f.doubt.due || from.Before(f.doubt.from)) {
		f.doubt.from, f.doubt.due = from, true
	}
	f.doubt.why = why
}

// withdraw takes back what coverage there is since a new doubt, and makes durable that there is none from then on: after a restart the pause would be covered else. A doubt that comes later in
// this poll counts from the next: nobody is told of it before its coverage is gone.
func (f *Follower) withdraw(ctx context.Context) error {
	f.mu.Lock()
	d := f.doubt
	f.mu.Unlock()
	f.doubted = d.why
	if !d.due {
		return nil
	}
	f.pos.From = time.Time{}
	f.batch.coverage = nil
	if err := f.commit(ctx); err != nil {
		return err
	}
	if err := f.t.Withdraw(ctx, f.o.Source, d.from); err != nil {
		return fmt.Errorf("withdrawing the coverage of log %s: %w", f.o.Source, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubt.due = !f.doubt.from.Equal(d.from)
	return nil
}
