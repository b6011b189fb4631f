package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"posthouse/cutover"
)

// Deposit puts a captured message into the INBOX of a cloud mailbox unless it lies there already. An error that matches ErrUnknown means that it may have been put: Find
// tells.
func (b *Bridge) Deposit(ctx context.Context, m cutover.MailboxID, id cutover.Identity, arrived time.Time, c Content) (Sighting, error) {
	w, err := b.worker(m)
	if err != nil {
		return Sighting{}, err
	}
	if err := w.deposits.begin(ctx); err != nil {
		return Sighting{}, err
	}
	defer w.deposits.end()
	own, _ := id.Trace.Verify(b.cfg.TraceKey)
	if at, put := w.deposits.of(own); put {
		return at, nil
	}
	seen, err := b.Find(ctx, m, cutover.Cloud, []cutover.Identity{id})
	if err != nil {
		return Sighting{}, err
	}
	if s, ok := seen[0]; ok {
		return s, nil
	}
	var s Sighting
	err = b.doors.with(w.m, cutover.Cloud, func(store Store) error { s, err = deposit(ctx, store, arrived, c); return err })
	if err != nil {
		return Sighting{}, fmt.Errorf("depositing into the cloud mailbox of %s: %w", m, err)
	}
	w.deposits.put(s, own)
	return s, nil
}

func deposit(ctx context.Context, store Store, arrived time.Time, c Content) (Sighting, error) {
	inbox, err := store.EnsureFolder(ctx, cutover.Folder{Path: cutover.FolderPath{"INBOX"}, Kind: cutover.Mail, Role: cutover.Inbox})
	if err != nil {
		return Sighting{}, err
	}
	return putOne(ctx, store, inbox, PutItem{ID: 1, Date: arrived, Content: c})
}

func putOne(ctx context.Context, store Store, into cutover.Folder, item PutItem) (Sighting, error) {
	outcome := Outcome{Err: ErrUnknown}
	if err := store.Put(ctx, into, slices.Values([]PutItem{item}), func(o Outcome) { outcome = o }); err != nil {
		return Sighting{}, errors.Join(outcome.Err, err)
	}
	return Sighting{Folder: into.Path, Place: outcome.Place}, outcome.Err
}

// deposits are a mailbox's, one at a time: where the cloud loses our trace the copies of equal captures look alike, and until the ledger knows of one it is known here alone.
type deposits struct {
	turn chan struct{}
	mu   sync.Mutex
	last []deposited
}

// deposited is where a capture's copy was put.
type deposited struct {
	at Sighting
	id cutover.CaptureID
}

// mostDeposits is how many are remembered; those before have long been settled.
const mostDeposits = 500

func newDeposits() *deposits { return &deposits{turn: make(chan struct{}, 1)} }

func (d *deposits) begin(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *deposits) end() { <-d.turn }

func (d *deposits) put(at Sighting, id cutover.CaptureID) {
	if at.Place.Ref == "" || id == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = append(d.last[max(0, len(d.last)+1-mostDeposits):], deposited{at, id})
}

// of is where the capture's copy was put.
func (d *deposits) of(id cutover.CaptureID) (Sighting, bool) {
	return d.find(func(p deposited) bool { return p.id == id && id != "" })
}

// ofAnother reports whether the copy at this place was put for another capture.
func (d *deposits) ofAnother(at Sighting, id cutover.CaptureID) bool {
	_, is := d.find(func(p deposited) bool { return p.id != id && p.at.String() == at.String() })
	return is
}

func (d *deposits) find(is func(deposited) bool) (Sighting, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.last {
		if is(p) {
			return p.at, true
		}
	}
	return Sighting{}, false
}
