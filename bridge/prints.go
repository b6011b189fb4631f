package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// print is what a message is known by beside its header. Servers that render mail anew give it another body; what it says stays.
type print struct {
	body, text cutover.Digest
	asks       bool // for a receipt
	is         cutover.Identity
	size       int64
	version    string
}

// like reports whether two prints are of one message. Unknown prints are like nothing.
func (a print) like(b print) bool {
	return a.body == b.body && !a.body.IsZero() || a.text == b.text && !a.text.IsZero()
}

// unlike reports whether two prints are known to be of different messages, as far as servers leave alone what a message says.
func (a print) unlike(b print) bool {
	return !a.like(b) && !a.text.IsZero() && !b.text.IsZero()
}

func printOf(kind cutover.FolderKind, r io.Reader) (print, cutover.Digester, error) {
	if kind.Objects() {
		d := cutover.NewObjectDigester(kind)
		_, err := io.Copy(d, r)
		return print{body: d.Digest(), text: d.Text(), is: d.Identity(), size: d.Size()}, d, err
	}
	body, text := cutover.NewBodyDigester(), cutover.NewTextDigester()
	_, err := io.Copy(io.MultiWriter(body, text), r)
	return print{body: body.Digest(), text: text.Digest(), asks: wantsReceipt(body.Header()), is: body.Identity(), size: body.Size()}, body, err
}

// prints are those of items of one folder.
func prints(ctx context.Context, s Source, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]print, error) {
	return read(ctx, s, f, refs, func(got Fetched) (print, error) {
		r, err := got.Content.Open()
		if err != nil {
			return print{}, err
		}
		defer r.Close()
		p, d, err := printOf(f.Kind, r)
		if err == nil && d.Size() != got.Content.Size() {
			err = fmt.Errorf("body has %d octets instead of %d", d.Size(), got.Content.Size())
		}
		p.version = got.Version
		return p, err
	})
}

// captureText is what a capture says; zero when its body was pruned.
func (b *Bridge) captureText(ctx context.Context, id cutover.CaptureID) (cutover.Digest, error) {
	r, err := b.cfg.Ledger.OpenBody(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return cutover.Digest{}, nil
	} else if err != nil {
		return cutover.Digest{}, err
	}
	defer r.Close()
	p, _, err := printOf(cutover.Mail, r)
	return p.text, err
}

// captureMessageID is a capture's Message-ID; empty when it has none, or its body was pruned.
func (b *Bridge) captureMessageID(ctx context.Context, id cutover.CaptureID) (string, error) {
	r, err := b.cfg.Ledger.OpenBody(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer r.Close()
	const most = 64 << 10
	header, err := io.ReadAll(io.LimitReader(r, most))
	return cutover.IdentityOf(header).MessageID, err
}

// Says reports whether a legacy item says what a capture says, so that it is the same message however the old server rendered it. An item that is gone says nothing.
func (b *Bridge) Says(ctx context.Context, m cutover.MailboxID, row ledger.Item, id cutover.CaptureID) (same bool, err error) {
	w, err := b.worker(m)
	if err != nil {
		return false, err
	}
	text, err := b.captureText(ctx, id)
	if err != nil || text.IsZero() {
		return false, err
	}
	from, err := w.placeOf(ctx, row.Folder)
	if err != nil {
		return false, err
	}
	err = b.doors.with(w.m, cutover.Legacy, func(store Store) error {
		f, err := folderAt(ctx, store, from)
		if err != nil || f == nil {
			return err
		}
		state, err := store.State(ctx, *f)
		if err != nil || state.Validity != row.Legacy.Validity {
			return err
		}
		found, err := prints(ctx, store, *f, []cutover.Ref{row.Legacy.Ref})
		same = found[row.Legacy.Ref].text == text
		return err
	})
	return same, err
}

// placeOf is where a folder lies on the legacy side.
func (w *worker) placeOf(ctx context.Context, id ledger.FolderID) (cutover.FolderPath, error) {
	pairs, err := w.b.cfg.Ledger.Pairs(ctx, w.m.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(pairs, func(p ledger.FolderPair) bool { return p.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("folder %d: %w", id, ledger.ErrNotFound)
	}
	return pairs[i].Legacy, nil
}

// folderAt is the mail folder of that path; nil if there is none.
func folderAt(ctx context.Context, store Store, path cutover.FolderPath) (*cutover.Folder, error) {
	folders, err := store.Folders(ctx)
	i := slices.IndexFunc(folders, func(f cutover.Folder) bool { return f.Path.Key() == path.Key() && !f.NoSelect })
	if err != nil || i < 0 {
		return nil, err
	}
	return &folders[i], nil
}

// comparison compares legacy items with captures, and reads each of them once at the most.
type comparison struct {
	w     *worker
	p     *pair
	items map[cutover.Ref]print
	texts map[cutover.CaptureID]cutover.Digest
}

func (w *worker) newComparison(p *pair) *comparison {
	return &comparison{w: w, p: p, items: map[cutover.Ref]print{}, texts: map[cutover.CaptureID]cutover.Digest{}}
}

// like reports whether the item is the captured message, as it was or rendered anew. One that cannot be read is not: it is met again when its turn to be put comes.
func (c *comparison) like(ctx context.Context, row ledger.Item, e ledger.Expected) (bool, error) {
	item, err := c.item(ctx, row)
	if err != nil || item.body.IsZero() {
		return false, err
	}
	if e.Digest.IsZero() || item.body == e.Digest {
		return true, nil
	}
	text, err := c.text(ctx, e.Capture)
	return item.like(print{body: e.Digest, text: text}), err
}

func (c *comparison) item(ctx context.Context, row ledger.Item) (print, error) {
	if p, have := c.items[row.Legacy.Ref]; have {
		return p, nil
	}
	found, err := prints(ctx, c.w.legacy, c.p.legacy, []cutover.Ref{row.Legacy.Ref})
	c.items[row.Legacy.Ref] = found[row.Legacy.Ref]
	return found[row.Legacy.Ref], err
}

func (c *comparison) text(ctx context.Context, id cutover.CaptureID) (cutover.Digest, error) {
	if text, have := c.texts[id]; have {
		return text, nil
	}
	text, err := c.w.b.captureText(ctx, id)
	c.texts[id] = text
	return text, err
}
