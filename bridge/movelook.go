package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
)

// lookForCopies finds out which copies lie in the cloud where we put them.
func (w *worker) lookForCopies(ctx context.Context, origins []*origin) error {
	byFolder := map[*pair][]*origin{}
	for _, o := range origins {
		byFolder[o.from] = append(byFolder[o.from], o)
	}
	for from, of := range byFolder {
		if err := w.lookIn(ctx, from, of); err != nil && !errors.Is(err, ErrGone) {
			return fmt.Errorf("looking for copies in the cloud's %s: %w", from.Cloud, err)
		}
	}
	return nil
}

func (w *worker) lookIn(ctx context.Context, from *pair, origins []*origin) error {
	if err := w.cloudFolder(ctx, from); err != nil {
		return err
	}
	state, err := w.cloudState(ctx, from)
	if err != nil {
		return err
	}
	if err := w.placeCaptures(ctx, from, state, origins); err != nil {
		return err
	}
	var refs []cutover.Ref
	for _, o := range origins {
		if o.row.Cloud.Ref != "" {
			refs = append(refs, o.row.Cloud.Ref)
		}
	}
	flags, err := w.cloud.Flags(ctx, from.cloud, refs)
	if err != nil {
		return err
	}
	for _, o := range origins {
		has, there := flags[o.row.Cloud.Ref]
		o.here = there && o.row.Cloud.Validity == state.Validity
		if !o.here || !isOurs(o.row) {
			continue
		}
		if want, err := w.wanted(ctx, from, o.row); err != nil {
			return err
		} else if has.Equal(want) {
			o.row.CloudFlags = has // they may have been written without anybody noting it
		}
	}
	return nil
}

// cloudFolder fills in the cloud side of a pair whose legacy folder is no longer there.
func (w *worker) cloudFolder(ctx context.Context, from *pair) error {
	if from.cloud.Name != "" || len(from.cloud.Path) > 0 {
		return nil
	}
	folders, err := w.cloud.Folders(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(folders, func(f cutover.Folder) bool { return f.Path.Key() == from.Cloud.Key() && !f.NoSelect })
	if i < 0 {
		return ErrGone
	}
	from.cloud = folders[i]
	return nil
}
