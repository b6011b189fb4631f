package filestore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"posthouse/bridge"
	"posthouse/bridge/object"
	"posthouse/cutover"
	"posthouse/ledger"
)

// cursor is what the caller keeps as an opaque string.
type cursor struct {
	Tag  string `json:"tag"`            // of the file when all was told; empty before
	Seen string `json:"seen"`           // what was told
	Open string `json:"open,omitempty"` // what the first look has found and not told yet
}

// Next tells of what the file holds and was not told of: first what was not there at the first look. What comes later in the file is newer.
func (s *Store) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	opened, err := s.open(ctx, f)
	if err != nil {
		return bridge.Batch{}, err
	}
	batch := bridge.Batch{Validity: validity, After: c}
	var at cursor
	if c != "" {
		if err := json.Unmarshal([]byte(c), &at); err != nil {
			return batch, fmt.Errorf("cursor %q: %w", c, err)
		}
	}
	if at.Tag == opened.tag {
		return batch, nil
	}
	seen, open, err := at.sets()
	if err != nil {
		return batch, err
	}
	if c == "" {
		for _, i := range opened.items {
			open[object.Print(string(i.Ref), i.Version)] = true
		}
	}
	told, left := object.Seen{}, object.Seen{}
	var old, news []item
	for _, i := range slices.Backward(opened.items) {
		switch p := object.Print(string(i.Ref), i.Version); {
		case seen[p]:
			told[p] = true
		case open[p]:
			old = append(old, i)
			left[p] = true
		default:
			news = append(news, i)
		}
	}
	batch.Left = len(old) + len(news)
	if batch.Fresh = len(news) > 0; batch.Fresh {
		old = news
	}
	for _, i := range old[:min(len(old), s.o.Batch)] {
		p := object.Print(string(i.Ref), i.Version)
		told[p] = true
		delete(left, p)
		batch.Changes = append(batch.Changes, bridge.Change{Kind: bridge.Added, Item: i.Item})
	}
	batch.Left -= len(batch.Changes)
	at = cursor{Seen: told.String(), Open: left.String()}
	if batch.Left == 0 {
		at.Tag = opened.tag
	}
	text, err := json.Marshal(at)
	batch.After = ledger.Cursor(text)
	return batch, err
}

func (c cursor) sets() (seen, open object.Seen, err error) {
	if seen, err = object.ParseSeen(c.Seen); err == nil {
		open, err = object.ParseSeen(c.Open)
	}
	return seen, open, err
}

// Fetch gives items as they are in the file.
func (s *Store) Fetch(ctx context.Context, f cutover.Folder, refs []cutover.Ref, got func(bridge.Fetched) error) error {
	opened, err := s.open(ctx, f)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if err := s.begin(ctx); err != nil {
			return err
		}
		one := bridge.Fetched{Ref: ref}
		if i, there := opened.find(ref); there {
			one.Version, one.Content = i.Version, content(i.raw)
		} else {
			one.Err = bridge.ErrGone
		}
		if err := got(one); err != nil {
			return err
		}
	}
	return ctx.Err()
}
