package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// join finds the legacy items that the listener captured and whose delivery to the cloud is on its way or done: they are never put.
//
// Our trace, when its MAC holds, decides alone, but for messages that are another one by their key and say something else: programs that answer keep fields that they do not know, and
// anybody can put a trace that he received on a message of his own. By key an item joins only where it was received (a copy in Sent is the sender's own), only a capture that nothing joined yet and
// that has no tee whose trace would tell, only if it came at about the same time, and only if it says the same: so two mails with one Message-ID both arrive, and true duplicates stay as many as they
// were. What it says is compared, and not its octets, for the old server may have rendered it anew.
func (w *worker) join(ctx context.Context, p *pair, rows []ledger.Item) (joined []ledger.Item, rest []ledger.Item, err error) {
	if len(rows) == 0 {
		return nil, nil, nil
	}
	expected, err := w.expected(ctx, rows)
	if err != nil || len(expected) == 0 {
		return nil, rows, err
	}
	by := w.newComparison(p)
	joined, rest, err = w.joinTraced(ctx, rows, expected, by)
	if err != nil {
		return nil, nil, err
	}
	keeps, err := w.factHolds(ctx, w.keepsTraceFact(cutover.Legacy))
	if err != nil {
		return nil, nil, err
	}
	untraced := rest
	rest = nil
	for _, t := range untraced {
		i, err := w.joins(ctx, p, t, expected, keeps, by)
		if err != nil {
			return nil, nil, err
		}
		if i < 0 {
			rest = append(rest, t)
			continue
		}
		joined = append(joined, joinTo(t, &expected[i]))
	}
	return joined, rest, nil
}

func joinTo(t ledger.Item, e *ledger.Expected) ledger.Item {
	t.Disposition, t.Capture = cutover.Captured, e.Capture
	e.Joined = append(e.Joined, t.ID)
	return t
}

// joinTraced joins what carries a capture's trace: that capture itself, or the one that the old server gave back to us and kept a copy of.
func (w *worker) joinTraced(ctx context.Context, rows []ledger.Item, expected []ledger.Expected, by *comparison) (joined, rest []ledger.Item, err error) {
	claims := map[cutover.Trace]int{}
	for _, t := range rows {
		claims[t.Identity.Trace]++
	}
	for _, t := range rows {
		id, ours := t.Identity.Trace.Verify(w.b.cfg.TraceKey)
		i := slices.IndexFunc(expected, func(e ledger.Expected) bool {
			first, _ := e.Identity.Trace.Verify(w.b.cfg.TraceKey)
			return ours && (e.Capture == id || first == id)
		})
		if i >= 0 {
			same, err := w.isTraced(ctx, t, expected[i], claims[t.Identity.Trace] > 1, by)
			if err != nil {
				return nil, nil, err
			}
			if !same {
				i = -1
			}
		}
		if i < 0 {
			rest = append(rest, t)
			continue
		}
		if expected[i].Teed {
			if err := w.teeSeen(ctx, expected[i]); err != nil {
				return nil, nil, err
			}
		}
		joined = append(joined, joinTo(t, &expected[i]))
	}
	return joined, rest, nil
}

// isTraced reports whether a message is the capture whose trace it carries. Where several claim that, and where their headers differ, what they say decides. (The header of a message
// without Message-ID or Date is another one on servers that invent what is missing.)
func (w *worker) isTraced(ctx context.Context, t ledger.Item, e ledger.Expected, contested bool, by *comparison) (bool, error) {
	if !alike(e.Identity, t.Identity) {
		if !e.Identity.Key.IsZero() && !t.Identity.Key.IsZero() {
			return false, nil
		}
		return by.like(ctx, t, e)
	}
	if len(e.Joined) == 0 && !contested {
		return true, nil
	}
	return by.like(ctx, t, e)
}

// errLookAgain: rows were taken back; the folder is to be looked at from its beginning.
var errLookAgain = errors.New("to be looked at again")

// teeSeen notes that the old server keeps our trace on tees: from then on nothing else stands for a capture with a tee. What joined that capture by its key, while this was not known,
// was another message and is taken back: its row is left without a copy, and its folder is read again.
func (w *worker) teeSeen(ctx context.Context, e ledger.Expected) error {
	if err := w.noteTraceKept(ctx, cutover.Legacy); err != nil {
		return err
	}
	if len(e.Joined) == 0 {
		return nil
	}
	rows, err := w.b.cfg.Ledger.ByKey(ctx, w.m.ID, []cutover.Key{e.Identity.Match()})
	if err != nil {
		return err
	}
	var again error
	for _, row := range rows {
		if _, ours := row.Identity.Trace.Verify(w.b.cfg.TraceKey); ours || row.Capture != e.Capture || row.Disposition != cutover.Captured {
			continue
		}
		if err := w.takeBack(ctx, row); err != nil {
			return fmt.Errorf("taking back what was taken for a capture: %w", err)
		}
		again = errLookAgain
	}
	return again
}

// takeBack makes a row one that was intended and never put. The folder begins anew first: whatever fails in between, the row is met again.
func (w *worker) takeBack(ctx context.Context, row ledger.Item) error {
	if err := w.b.cfg.Ledger.Reset(ctx, row.Folder); err != nil {
		return err
	}
	row.Disposition, row.Capture, row.Cloud, row.Tail = cutover.Intended, "", ledger.Place{}, ""
	_, err := w.b.cfg.Ledger.Settle(ctx, row.Folder, []ledger.Item{row}, nil)
	return err
}

func (w *worker) expected(ctx context.Context, rows []ledger.Item) ([]ledger.Expected, error) {
	var keys []cutover.Key
	var captures []cutover.CaptureID
	for _, t := range rows {
		if id, ok := t.Identity.Trace.Verify(w.b.cfg.TraceKey); ok {
			captures = append(captures, id)
		}
		keys = append(keys, t.Identity.Match(), t.Identity.Loose)
		keys = append(keys, t.Identity.Before[:]...)
	}
	return w.b.cfg.Ledger.Expected(ctx, w.m.ID, keys, captures)
}

// JoinWithin is how much older than a capture a legacy item may be to be a copy of it. A sender tries one message's recipients for up to five days (RFC 5321 §4.5.4.1); what
// lay there before is another message, sent once more.
const JoinWithin = 6 * 24 * time.Hour

// joins returns the index of the expected item that a row without its trace is, or -1. tees: the old server is known to keep the trace of tees.
func (w *worker) joins(ctx context.Context, p *pair, row ledger.Item, expected []ledger.Expected, tees bool, by *comparison) (int, error) {
	if _, ours := row.Identity.Trace.Verify(w.b.cfg.TraceKey); ours || p.Role == cutover.Sent || p.Role == cutover.Drafts {
		return -1, nil
	}
	for i, e := range expected {
		if len(e.Joined) > 0 || e.Teed && tees || !alike(e.Identity, row.Identity) || row.Date.Before(e.Capture.Time().Add(-JoinWithin)) {
			continue
		}
		same, err := by.like(ctx, row, e)
		if err != nil {
			return -1, err
		}
		if same {
			return i, nil
		}
	}
	return -1, nil
}

// alike compares by key, or by loose key where one of the two has none: servers invent a Message-ID and a Date, and tag subjects.
func alike(a, b cutover.Identity) bool {
	if a.Key.IsZero() || b.Key.IsZero() {
		return (a.Loose == b.Loose && !a.Loose.IsZero() || a.Was(b.Loose) || b.Was(a.Loose)) && !differ(a.MessageID, b.MessageID)
	}
	return a.Key == b.Key
}
