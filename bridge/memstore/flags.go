package memstore

import (
	"context"
	"fmt"

	"posthouse/cutover"
)

// Flags reads the flags of those references that are there.
func (s *Store) Flags(ctx context.Context, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Flags, error) {
	if err := s.begin(ctx, OpFlags); err != nil {
		return nil, fmt.Errorf("reading flags in %s: %w", f.Path, err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return nil, err
	}
	have := make(map[cutover.Ref]cutover.Flags, len(refs))
	for _, ref := range refs {
		if m := open.find(ref); m != nil {
			have[ref] = m.flags
		}
	}
	return have, nil
}

// Keeps implements bridge.Keeper.
func (s *Store) Keeps(ctx context.Context, _ cutover.Folder, flags cutover.Flags) (cutover.Flags, error) {
	return s.box.keepable(flags), s.alive(ctx)
}

// SetFlags replaces flags; references that are gone are left out of what it returns.
func (s *Store) SetFlags(ctx context.Context, f cutover.Folder, flags map[cutover.Ref]cutover.Flags) (map[cutover.Ref]cutover.Flags, error) {
	set := make(map[cutover.Ref]cutover.Flags, len(flags))
	for ref, want := range flags {
		if err := s.begin(ctx, OpFlags); err != nil {
			return set, fmt.Errorf("setting flags in %s: %w", f.Path, err)
		}
		if err := s.setFlags(f, ref, want, set); err != nil {
			return set, err
		}
		if err := s.begin(ctx, OpFlagged); err != nil {
			return set, fmt.Errorf("setting flags in %s: %w", f.Path, err)
		}
	}
	return set, nil
}

func (s *Store) setFlags(f cutover.Folder, ref cutover.Ref, want cutover.Flags, set map[cutover.Ref]cutover.Flags) error {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return err
	}
	if m := open.find(ref); m != nil {
		m.flags = s.box.keepable(want)
		m.modseq = s.box.touch(open)
		set[ref] = m.flags
	}
	return nil
}
