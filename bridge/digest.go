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

// digests reads the bodies of items of one folder. One that is gone or cannot be read is absent: it matches nothing.
func digests(ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Digest, error) {
	found := make(map[cutover.Ref]cutover.Digest, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	err := s.Fetch(ctx, f, refs, func(got Fetched) error {
		if got.Err != nil {
			return nil
		}
		defer got.Content.Close()
		d, err := digest(got.Content)
		if err != nil {
			return err
		}
		found[got.Ref] = d.Digest()
		return nil
	})
	return found, err
}
