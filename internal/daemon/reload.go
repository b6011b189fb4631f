package daemon

import (
	"context"
	"fmt"

	"posthouse/config"
)

// Reload takes over what may change while we run: the directory of addresses, new mailboxes, certificates, and the verdict's policy. It returns every difference; those that are not live wait
// for a restart. Nothing changes when it returns an error.
func (d *Daemon) Reload(_ context.Context, next *config.Config) ([]config.Change, error) {
	boxes, err := mailboxes(next)
	if err != nil {
		return nil, err
	}
	for _, identity := range d.identities {
		if _, err := identity.Reload(); err != nil {
			return nil, fmt.Errorf("reload: %w", err)
		}
	}
	changes := config.Diff(d.cfg, next)
	d.intake.SetDirectory(directory(next, boxes))
	d.stores.add(boxes)
	d.bridge.Add(nouns(boxes))
	verdict := next.Verdict
	d.verdict.Store(&verdict)
	d.witness.switched(verdict.MXSwitched)
	return changes, nil
}
