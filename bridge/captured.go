package bridge

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// What the listener captured was brought into the cloud by its delivery. When the old side's copy of it is moved there, the cloud's is moved too, if it lies where it was seen, or where we moved it, and
// carries our trace. Its flags are the user's.

// isCaptured reports whether the item joined a capture.
func isCaptured(row ledger.Item) bool { return row.Disposition == cutover.Captured }

// parted are the rows that joined captures, and the others.
func parted(rows []ledger.Item) (captured, others []ledger.Item) {
	for _, row := range rows {
		if isCaptured(row) {
			captured = append(captured, row)
		} else {
			others = append(others, row)
		}
	}
	return captured, others
}

// withoutShared leaves out the origins whose capture has another item that stays: both share the one copy.
func withoutShared(origins []*origin, staying []ledger.Item) []*origin {
	return slices.DeleteFunc(origins, func(o *origin) bool {
		return isCaptured(o.row) && slices.ContainsFunc(staying, func(row ledger.Item) bool { return row.Capture == o.row.Capture })
	})
}

// placeCaptures fills in where the copies of captures lie that were seen in the folder; of several items of one capture the first has it.
func (w *worker) placeCaptures(ctx context.Context, from *pair, state FolderState, origins []*origin) error {
	open := map[cutover.CaptureID]*origin{}
	var ids []cutover.CaptureID
	for _, o := range origins {
		if isCaptured(o.row) && o.row.Cloud.Ref == "" && open[o.row.Capture] == nil {
			open[o.row.Capture], ids = o, append(ids, o.row.Capture)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	expected, err := w.b.cfg.Ledger.Expected(ctx, w.m.ID, nil, ids)
	if err != nil {
		return err
	}
	for _, e := range expected {
		ref, here := seenIn(e, from.cloud.Path)
		if !here {
			continue
		}
		if there, err := w.carriesTrace(ctx, from, ref, e.Capture); err != nil {
			return err
		} else if there {
			open[e.Capture].row.Cloud = ledger.Place{Validity: state.Validity, Ref: ref}
		}
	}
	return nil
}

// seenIn is the reference under which a delivery was seen in the folder, if it was.
func seenIn(e ledger.Expected, f cutover.FolderPath) (ref cutover.Ref, here bool) {
	uid, here := strings.CutPrefix(e.Seen, f.String()+" UID ")
	_, err := strconv.ParseUint(uid, 10, 32)
	return cutover.Ref(uid), here && err == nil && e.State == ledger.Settled
}

// carriesTrace reports whether the item of that reference carries the capture's trace: references are used again.
func (w *worker) carriesTrace(ctx context.Context, p *pair, ref cutover.Ref, capture cutover.CaptureID) (bool, error) {
	for item, err := range w.cloud.Scan(ctx, p.cloud, ref) {
		if err != nil {
			return false, err
		}
		id, ours := item.Identity.Trace.Verify(w.b.cfg.TraceKey)
		return item.Ref == ref && ours && id == capture, nil
	}
	return false, nil
}
