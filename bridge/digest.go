package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"

	"posthouse/cutover"
	"posthouse/ledger"
)

// digest reads a content once, from beginning to end, and checks its length.
func digest(kind cutover.FolderKind, c Content) (cutover.Digester, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := cutover.NewDigester(kind)
	if _, err := io.Copy(d, r); err != nil {
		return nil, err
	}
	if d.Size() != c.Size() {
		return nil, fmt.Errorf("body has %d octets instead of %d", d.Size(), c.Size())
	}
	return d, nil
}

// read makes something of each of the items of one folder, and returns it by reference. One that is gone or cannot be read is absent.
func read[T any](ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref, of func(Fetched) (T, error)) (map[cutover.Ref]T, error) {
	found := make(map[cutover.Ref]T, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	err := s.Fetch(ctx, f, refs, func(got Fetched) error {
		if got.Err != nil {
			return nil
		}
		defer got.Content.Close()
		made, err := of(got)
		if err == nil {
			found[got.Ref] = made
		}
		return err
	})
	return found, err
}

// digests are of the bodies of items of one folder. One that is absent matches nothing.
func digests(ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Digest, error) {
	return read(ctx, s, f, refs, func(got Fetched) (cutover.Digest, error) {
		d, err := digest(f.Kind, got.Content)
		if err != nil {
			return cutover.Digest{}, err
		}
		return d.Digest(), nil
	})
}

// asListed makes sure that what was read is the item that was listed: when references end while the next batch is read ahead, they name other items before anybody has heard of it. A server
// whose bodies do not agree with what it lists is asked.
func (w *worker) asListed(ctx context.Context, p *pair, row ledger.Item, is cutover.Identity, size int64) error {
	if p.Kind.Objects() {
		return w.objectAsListed(row, is)
	}
	agrees := same(cutover.Item{Identity: row.Identity}, cutover.Item{Identity: is})
	if row.Identity.Match().IsZero() || agrees && (w.estimates || row.Size == size) {
		return nil
	}
	state, err := w.legacy.State(ctx, p.legacy)
	if err == nil && state.Validity != row.Legacy.Validity {
		err = errLookAgain
	}
	w.estimates = w.estimates || err == nil && agrees
	return err
}

// objectAsListed makes sure that an event or contact that was read is the one that was told of. Names of members are given to others at any time; and of one that could not be read then nobody has asked whether it was moved here, or
// lies in the cloud already.
func (w *worker) objectAsListed(row ledger.Item, is cutover.Identity) error {
	switch told := row.Identity.Match(); {
	case told == is.Match():
	case !told.IsZero():
		return errLookAgain
	case w.mayBeRead(row.Legacy):
		return errors.New("it can be read only now: it is looked at again")
	}
	return nil
}
