package bridge

import (
	"context"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// join finds the legacy items that the listener captured and whose delivery to the cloud is on its way or done: they are never put.
//
// Our trace, when its MAC holds, decides alone. By key an item joins only where it was received (a copy in Sent is the sender's own), only a
// capture that nothing joined yet, and only if the bodies agree, so that two mails with one Message-ID both arrive.
func (w *worker) join(ctx context.Context, p *pair, rows []ledger.Item) (joined []ledger.Item, rest []ledger.Item, err error) {
	if len(rows) == 0 {
		return nil, nil, nil
	}
	expected, err := w.expected(ctx, rows)
	if err != nil || len(expected) == 0 {
		return nil, rows, err
	}
	for _, t := range rows {
		i, err := w.joins(ctx, p, t, expected)
		if err != nil {
			return nil, nil, err
		}
		if i < 0 {
			rest = append(rest, t)
			continue
		}
		t.Disposition, t.Capture = cutover.Captured, expected[i].Capture
		expected[i].Joined = append(expected[i].Joined, t.ID)
		joined = append(joined, t)
	}
	return joined, rest, nil
}

func (w *worker) expected(ctx context.Context, rows []ledger.Item) ([]ledger.Expected, error) {
	var keys []cutover.Key
	var captures []cutover.CaptureID
	for _, t := range rows {
		if id, ok := t.Identity.Trace.Verify(w.b.cfg.TraceKey); ok {
			captures = append(captures, id)
		}
		keys = append(keys, t.Identity.Match())
	}
	return w.b.cfg.Ledger.Expected(ctx, w.m.ID, keys, captures)
}

// joinWithin is how much older than a capture a legacy item may be to be a copy of it: one that lay there long before is another message, sent once more.
const joinWithin = 30 * 24 * time.Hour

// joins returns the index of the expected item that the row is, or -1.
func (w *worker) joins(ctx context.Context, p *pair, row ledger.Item, expected []ledger.Expected) (int, error) {
	if id, ok := row.Identity.Trace.Verify(w.b.cfg.TraceKey); ok {
		for i, e := range expected {
			first, _ := e.Identity.Trace.Verify(w.b.cfg.TraceKey)
			if e.Capture == id || first == id {
				return i, nil // that capture itself, or the one that the old server gave back to us and kept a copy of
			}
		}
		return -1, nil
	}
	if p.Role == cutover.Sent || p.Role == cutover.Drafts {
		return -1, nil
	}
	for i, e := range expected {
		if len(e.Joined) > 0 || e.Identity.Match() != row.Identity.Match() || row.Date.Before(e.Capture.Time().Add(-joinWithin)) {
			continue
		}
		same, err := w.sameBody(ctx, p, row, e.Digest)
		if err != nil {
			return -1, err
		}
		if same {
			return i, nil
		}
	}
	return -1, nil
}

// sameBody compares the legacy item's body with a digest.
func (w *worker) sameBody(ctx context.Context, p *pair, row ledger.Item, want cutover.Digest) (bool, error) {
	if want.IsZero() {
		return true, nil
	}
	same := false
	err := w.legacy.Fetch(ctx, p.legacy, []cutover.Ref{row.Legacy.Ref}, func(f Fetched) error {
		if f.Err != nil {
			return nil // it is met again when its turn to be put comes
		}
		defer f.Content.Close()
		d, err := digest(f.Content)
		same = err == nil && d.Digest() == want
		return err
	})
	return same, err
}
