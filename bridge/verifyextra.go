package bridge

import (
	"context"
	"slices"

	"posthouse/cutover"
)

// surplus names what lies in the cloud more often than it should: a capture that is there twice, and unused copies of an identity that a legacy item has. A message that the listener took
// stands for itself: that the legacy holds another one like it is no surplus.
func (v *verifier) surplus(ctx context.Context) error {
	type captured struct {
		id  cutover.CaptureID
		key cutover.Key // programs that answer a message may keep its trace
	}
	times := map[captured]int{}
	var untraced []*copyItem
	for _, c := range v.cloud {
		id, ours := c.item.Identity.Trace.Verify(v.b.cfg.TraceKey)
		switch {
		case c.put:
		case ours:
			times[captured{id, c.item.Identity.Key}]++
			if times[captured{id, c.item.Identity.Key}] > 1 {
				v.extra(c, "was captured once as "+id.Short()+" and lies here again")
			}
		case !c.used && v.isOnLegacy(c.item.Identity):
			untraced = append(untraced, c)
		}
	}
	return v.untraced(ctx, untraced)
}

// untraced names copies that nothing accounts for. Where the cloud does not keep our trace some of them may be captures' own.
func (v *verifier) untraced(ctx context.Context, copies []*copyItem) error {
	if len(copies) == 0 {
		return nil
	}
	var keys []cutover.Key
	for _, c := range copies {
		keys = append(keys, c.item.Identity.Match())
	}
	expected, err := v.b.cfg.Ledger.Expected(ctx, v.m.ID, keys, nil)
	if err != nil {
		return err
	}
	own := map[cutover.Key]int{}
	for _, e := range expected {
		if mayLie(e) && !v.joined[e.Capture] {
			own[e.Identity.Match()]++
		}
	}
	for _, c := range copies {
		if key := c.item.Identity.Match(); own[key] > 0 {
			own[key]--
			continue
		}
		v.extra(c, "lies in the cloud more often than on the old server")
	}
	return nil
}

func (v *verifier) extra(c *copyItem, why string) {
	v.report.Extra = append(v.report.Extra, Finding{Folder: c.folder, Ref: c.item.Ref, MessageID: c.item.Identity.MessageID, Why: why})
}

// isOnLegacy reports whether a legacy item has the identity.
func (v *verifier) isOnLegacy(id cutover.Identity) bool {
	return slices.ContainsFunc(v.legacy[id.Match()], func(messageID string) bool { return !differ(messageID, id.MessageID) })
}
