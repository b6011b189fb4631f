package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"posthouse/cutover"
)

// Where nothing is new on the old side nothing has to be asked of the cloud. So that a cloud which cannot be reached is noticed all the same, it is asked once in a poll interval for a sign of life,
// while the legacy folders are listed: nobody waits for the answer alone.

// pulse is when clouds were asked last: each mailbox's that keeps its connection; else, as it would cost a login for each, one for all mailboxes of a server, for as long as it answers.
type pulse struct {
	mu    sync.Mutex
	asked map[string]time.Time // zero after no answer came
}

func newPulse() *pulse { return &pulse{asked: map[string]time.Time{}} }

// due reports whether it is time to ask, and takes the answer for given until it is told.
func (p *pulse) due(of string, now time.Time, every time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.asked[of]
	if at.IsZero() {
		return true
	}
	if now.Sub(at) < every {
		return false
	}
	p.asked[of] = now
	return true
}

// told notes the answer to what was asked at this time.
func (p *pulse) told(of string, at time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		at = time.Time{}
	}
	p.asked[of] = at
}

// listed are the legacy folders. The cloud is asked at the same time whether it is there, if its turn has come.
func (w *worker) listed(ctx context.Context) ([]cutover.Folder, error) {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := w.ping(asking)
	folders, err := w.legacy.Folders(ctx)
	if err != nil {
		cancel()
		_ = answer() // nobody uses the store any more
		return nil, fmt.Errorf("listing the legacy folders of %s: %w", w.m.ID, err)
	}
	return folders, answer()
}

// ping asks, and returns the function that waits for the answer.
func (w *worker) ping(ctx context.Context) (answer func() error) {
	cloud, can := w.cloud.(Pinger)
	of := "mailbox " + string(w.m.ID)
	if w.parts() {
		of = "server " + w.m.Cloud.Server
	}
	asked := w.b.cfg.Clock.Steady()
	if !can || !w.b.pulse.due(of, asked, w.b.cfg.Poll) {
		return func() error { return nil }
	}
	told := make(chan error, 1)
	go func() { told <- cloud.Ping(ctx) }()
	return func() error {
		err := <-told
		w.b.pulse.told(of, asked, err)
		if err != nil {
			return fmt.Errorf("asking the cloud mailbox of %s whether it is there: %w", w.m.ID, err)
		}
		return nil
	}
}
