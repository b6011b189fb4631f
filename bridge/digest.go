package bridge

import (
	"context"
	"fmt"
	"io"

	"posthouse/cutover"
)

// digest reads a content once, from beginning to end, and checks its length.
func digest(c Content) (*cutover.BodyDigester, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := cutover.NewBodyDigester()
	if _, err := io.Copy(d, r); err != nil {
		return nil, err
	}
	if d.Size() != c.Size() {
		return nil, fmt.Errorf("body has %d octets instead of %d", d.Size(), c.Size())
	}
	return d, nil
}

// digests reads the bodies of items of one folder.
func digests(ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Digest, error) {
	found := make(map[cutover.Ref]cutover.Digest, len(refs))
	err := readBodies(ctx, s, f, refs, func(ref cutover.Ref, d *cutover.BodyDigester) { found[ref] = d.Digest() })
	return found, err
}

// readBodies reads the bodies of items of one folder, and tells of those that can be read.
func readBodies(ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref, tell func(cutover.Ref, *cutover.BodyDigester)) error {
	if len(refs) == 0 {
		return nil
	}
	return s.Fetch(ctx, f, refs, func(got Fetched) error {
		if got.Err != nil {
			return nil // gone or unreadable: it matches nothing
		}
		defer got.Content.Close()
		d, err := digest(got.Content)
		if err != nil {
			return err
		}
		tell(got.Ref, d)
		return nil
	})
}
