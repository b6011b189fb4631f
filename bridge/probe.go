package bridge

import (
	"context"
	"errors"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Whether a cloud gives back the octets it was given is found out once per server and kind, by reading back the first items that were put there: Exchange and Microsoft 365 render
// messages anew, and across them an unequal body proves nothing. The answer is "yes", "text" where messages say what they said, or "no" where not even that.

func (w *worker) keepsFact(kind cutover.FolderKind) string {
	if kind.Objects() { // a server may take calendars apart and contacts not
		return "keeps-bytes/" + w.m.Cloud.Server + "/" + string(kind)
	}
	return "keeps-bytes/" + w.m.Cloud.Server
}

// The answers.
const (
	keepsBytes   = "yes"
	keepsText    = "text"
	keepsNeither = "no"
)

// cloudKeeps is the answer, "" as long as it is not known.
func (w *worker) cloudKeeps(ctx context.Context, kind cutover.FolderKind) (string, error) {
	return w.fact(ctx, w.keepsFact(kind))
}

// cloudKeepsBytes is false as long as it is not known.
func (w *worker) cloudKeepsBytes(ctx context.Context, kind cutover.FolderKind) (bool, error) {
	keeps, err := w.cloudKeeps(ctx, kind)
	return keeps == keepsBytes, err
}

// cloudAltersText is false as long as it is not known.
func (w *worker) cloudAltersText(ctx context.Context, kind cutover.FolderKind) (bool, error) {
	keeps, err := w.cloudKeeps(ctx, kind)
	return keeps == keepsNeither, err
}

// fact is "" where nothing is known.
func (w *worker) fact(ctx context.Context, name string) (string, error) {
	value, err := w.b.cfg.Ledger.Fact(ctx, name)
	if errors.Is(err, ledger.ErrNotFound) {
		return "", nil
	}
	return value, err
}

func (w *worker) factHolds(ctx context.Context, name string) (bool, error) {
	value, err := w.fact(ctx, name)
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

// probed is how many messages are read back.
const probed = 5

// probe reads some of the copied rows back, unless the answer is known.
func (w *worker) probe(ctx context.Context, p *pair, rows []ledger.Item) error {
	if _, err := w.b.cfg.Ledger.Fact(ctx, w.keepsFact(p.Kind)); !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	var old, now []cutover.Ref
	for _, row := range rows {
		if row.Disposition == cutover.Copied && row.Cloud.Ref != "" && len(now) < probed {
			old, now = append(old, row.Legacy.Ref), append(now, row.Cloud.Ref)
		}
	}
	given, err := prints(ctx, w.legacy, p.legacy, old)
	if err != nil || len(now) == 0 {
		return err
	}
	back, err := prints(ctx, w.cloud, p.cloud, now)
	if err != nil {
		return err
	}
	answer := ""
	for i := range now {
		a, read := given[old[i]]
		b, there := back[now[i]]
		if read && there {
			answer = worse(answer, a, b)
		}
	}
	if answer == "" {
		return nil
	}
	return w.b.cfg.Ledger.SetFact(ctx, w.keepsFact(p.Kind), answer)
}

// worse is the answer after one more message. One that says what it said shows that the cloud leaves that alone: what it could not read of another it may have guessed.
func worse(answer string, given, back print) string {
	switch {
	case given.body == back.body && (answer == "" || answer == keepsBytes):
		return keepsBytes
	case given.like(back) || answer == keepsBytes || answer == keepsText:
		return keepsText
	}
	return keepsNeither
}
