package bridge

import (
	"context"
	"fmt"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// pastAtOnce is how many items of the past are handed over at a time.
const pastAtOnce = 1000

// Past hands over what was received into the folders of a mailbox on the old side since an instant, as far as it still lies there and they are copied: not what its owner sent, nor junk or trash. It begins in
// each folder, by the server's name for it, at the place that is given, or at the start where there is none or the folder is another one now. took gets the items and the place from which to ask the
// next time; its error ends it. What carries our trace is left out. What was put there while it reads may be handed over again the next time. ErrUnsupported where the store cannot tell.
func (b *Bridge) Past(ctx context.Context, m cutover.MailboxID, since time.Time, from map[string]ledger.Place, fields []string, took func(folder string, heads []Head, next ledger.Place) error) error {
	w, err := b.worker(m)
	if err != nil {
		return err
	}
	err = b.doors.with(w.m, cutover.Legacy, func(store Store) error {
		reader, able := store.(HeaderReader)
		if !able {
			return ErrUnsupported
		}
		folders, err := store.Folders(ctx)
		for i := 0; i < len(folders) && err == nil; i++ {
			if f := folders[i]; w.receives(f) {
				p := past{store, reader, f, since, fields, func(heads []Head, next ledger.Place) error { return took(f.Name, heads, next) }}
				err = p.read(ctx, from[f.Name])
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what lies in the old mailbox of %s: %w", m, err)
	}
	return nil
}

// receives tells whether what others send lies in a folder.
func (w *worker) receives(f cutover.Folder) bool {
	if ok, _ := w.rules.folder(f); !ok {
		return false
	}
	switch w.rules.role(f) {
	case cutover.Sent, cutover.Drafts, cutover.Junk, cutover.Trash:
		return false
	}
	return true
}

// past is the reading of one folder.
type past struct {
	store  Store
	reader HeaderReader
	f      cutover.Folder
	since  time.Time
	fields []string
	took   func(heads []Head, next ledger.Place) error
}

func (p past) read(ctx context.Context, from ledger.Place) error {
	state, err := p.store.State(ctx, p.f)
	if err != nil {
		return err
	}
	end := ledger.Place{Validity: state.Validity, Ref: state.Tail}
	if from.Validity != state.Validity {
		from.Ref = ""
	}
	if from == end {
		return nil
	}
	var heads []Head
	for head, err := range p.reader.Headers(ctx, p.f, from.Ref, p.since, p.fields) {
		if err != nil {
			return err
		}
		if len(heads) == pastAtOnce {
			if err := p.took(heads, ledger.Place{Validity: state.Validity, Ref: head.Ref}); err != nil {
				return err
			}
			heads = nil
		}
		if head.Identity.Trace == "" { // what carries it came by a listener, which has told of it
			heads = append(heads, head)
		}
	}
	return p.took(heads, end)
}
