package bridge

import (
	"context"
	"errors"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Whether a cloud gives back the octets it was given is found out once per server, by reading back the first message that was put there: Exchange and Microsoft 365 render
// messages anew, and across them an unequal body proves nothing.

func (w *worker) keepsFact() string { return "keeps-bytes/" + w.m.Cloud.Server }

// cloudKeepsBytes is false as long as it is not known.
func (w *worker) cloudKeepsBytes(ctx context.Context) (bool, error) {
	return w.factHolds(ctx, w.keepsFact())
}

func (w *worker) factHolds(ctx context.Context, name string) (bool, error) {
	value, err := w.b.cfg.Ledger.Fact(ctx, name)
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	return value == "yes", err
}

// keepsTraceFact is whether the server on that side gives back the trace that a message was given: found out by seeing one.
func (w *worker) keepsTraceFact(side cutover.Side) string {
	if side == cutover.Legacy {
		return "keeps-trace/" + w.m.Legacy.Server
	}
	return "keeps-trace/" + w.m.Cloud.Server
}

func (w *worker) noteTraceKept(ctx context.Context, side cutover.Side) error {
	name := w.keepsTraceFact(side)
	if known, err := w.factHolds(ctx, name); err != nil || known {
		return err
	}
	return w.b.cfg.Ledger.SetFact(ctx, name, "yes")
}

// probe reads one of the copied rows back, unless the answer is known.
func (w *worker) probe(ctx context.Context, p *pair, rows []ledger.Item) error {
	if _, err := w.b.cfg.Ledger.Fact(ctx, w.keepsFact()); !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	for _, row := range rows {
		if row.Disposition != cutover.Copied || row.Cloud.Ref == "" {
			continue
		}
		found, err := digests(ctx, w.cloud, p.cloud, []cutover.Ref{row.Cloud.Ref})
		if err != nil {
			return err
		}
		d, there := found[row.Cloud.Ref]
		if !there {
			continue
		}
		answer := "no"
		if d == row.Digest {
			answer = "yes"
		}
		return w.b.cfg.Ledger.SetFact(ctx, w.keepsFact(), answer)
	}
	return nil
}
