package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/internal/destination"
	"posthouse/ledger"
)

// capturesAtOnce is how many captures a mailbox is asked for in one question.
const capturesAtOnce = 500

// capturedFolder stands in the place of a folder's name in findings about captures.
const capturedFolder = "captured"

// verifyCaptures looks anew for everything that the listeners took for a mailbox whose mail goes to the cloud, and adds what it finds to the result: what the cloud took must lie there, and
// what has been on its way for an hour is missing. What was refused as spam, or dropped by a person, is for nobody to miss.
func (d *Daemon) verifyCaptures(ctx context.Context, id cutover.MailboxID, v *control.Verified) error {
	all, err := d.ledger.Deliveries(ctx, ledger.DeliveryFilter{Mailbox: id, Required: true})
	if err != nil {
		return err
	}
	now := d.opts.Clock.Now()
	var there []ledger.Delivery
	for _, one := range all {
		switch {
		case one.Side != cutover.Cloud, one.State == ledger.Quiet, one.State == ledger.Dropped, one.Seen == destination.BroughtOver:
			// One that the bridge's own copy stands for is compared as that.
		case one.State == ledger.Settled, one.State == ledger.Accepted:
			there = append(there, one)
		case now.Sub(one.Capture.Time()) >= lateAfter:
			v.Missing = append(v.Missing, captureFinding(one, "not delivered: "+strings.TrimSpace(one.Reason+" "+one.Reply)))
		}
	}
	for batch := range slices.Chunk(there, capturesAtOnce) {
		if err := d.lookForCaptures(ctx, id, batch, v); err != nil {
			return fmt.Errorf("looking for what was captured for %s: %w", id, err)
		}
	}
	return nil
}

// lookForCaptures asks the cloud mailbox. Accepted mail has its time to show up: until then it is neither there nor missing.
func (d *Daemon) lookForCaptures(ctx context.Context, id cutover.MailboxID, batch []ledger.Delivery, v *control.Verified) error {
	wanted := make([]cutover.Identity, len(batch))
	for i, one := range batch {
		c, err := d.ledger.Capture(ctx, one.Capture)
		if err != nil {
			return err
		}
		wanted[i] = c.Identity
		wanted[i].Trace = cutover.NewTrace(d.traceKey, c.ID)
	}
	seen, err := d.bridge.Find(ctx, id, cutover.Cloud, wanted)
	if err != nil {
		return err
	}
	for i, one := range batch {
		_, found := seen[i]
		switch {
		case found:
			v.Captured++
		case one.Seen != "":
			v.Removed = append(v.Removed, captureFinding(one, "was captured, seen in the cloud at "+one.Seen+", and removed there since"))
		case one.State == ledger.Settled || d.opts.Clock.Now().Sub(one.Since) >= d.cfg.Relay.SeenWithin:
			v.Missing = append(v.Missing, captureFinding(one, "accepted by the cloud and in no folder: look into quarantine, junk and rules there"))
		}
	}
	return nil
}

func captureFinding(d ledger.Delivery, why string) control.Finding {
	return control.Finding{Folder: capturedFolder, Ref: string(d.Capture), Why: fmt.Sprintf("taken %s; %s", d.Capture.Time().UTC().Format(time.DateTime), why)}
}
