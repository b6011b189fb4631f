package imapstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
	"posthouse/cutover"
)

// keywords are the flags that a folder keeps.
type keywords struct {
	any     bool // clients may make new ones (\*)
	allowed cutover.Flags
	// denied are keywords that the server refused all the same: it has a limit on their number or length.
	denied cutover.Flags
}

func keywordsOf(permanent []imap.Flag) keywords {
	// Without PERMANENTFLAGS all flags are kept (RFC 3501 §7.1).
	k := keywords{any: len(permanent) == 0, allowed: flagsOf(permanent)}
	k.any = k.any || k.allowed.Has(`\*`)
	return k
}

// keepable leaves out what the server would refuse, or could not even read: a keyword is an atom (RFC 9051 §9, flag-keyword).
func (k keywords) keepable(flags cutover.Flags) []imap.Flag {
	kept := make([]imap.Flag, 0, len(flags))
	for _, f := range flags {
		known := k.allowed.Has(f) || k.any && (!isSystem(f) || systemFlags.Has(f))
		if known && !k.denied.Has(f) && !strings.ContainsFunc(strings.TrimPrefix(f, `\`), notAtom) {
			kept = append(kept, imap.Flag(f))
		}
	}
	return kept
}

// named leaves out keywords that the folder does not know by name: those are what a server refuses, if it refuses any.
func (k keywords) named(flags cutover.Flags) cutover.Flags {
	return slices.DeleteFunc(flagsOf(k.keepable(flags)), func(f string) bool { return !isSystem(f) && !k.allowed.Has(f) })
}

func isSystem(flag string) bool { return strings.HasPrefix(flag, `\`) }

var systemFlags = cutover.Flags{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`}

func notAtom(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
}

// Keeps implements bridge.Keeper.
func (s *Store) Keeps(ctx context.Context, f cutover.Folder, flags cutover.Flags) (cutover.Flags, error) {
	k, err := s.keywordsIn(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("asking which flags %s keeps: %w", f.Path, err)
	}
	return flagsOf(k.keepable(flags)), nil
}

// knownIn are the keywords of a folder that was asked before.
func (s *Store) knownIn(f cutover.Folder) keywords {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keywords[f.Name]
}

// deny remembers that the server refuses some keywords.
func (s *Store) deny(f cutover.Folder, refused cutover.Flags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keywords[f.Name]
	k.denied = append(slices.Clone(k.denied), refused...)
	s.keywords[f.Name] = k
}

// keywordsIn asks by opening the folder for writing: PERMANENTFLAGS of one opened read-only are none.
func (s *Store) keywordsIn(ctx context.Context, f cutover.Folder) (keywords, error) {
	s.mu.Lock()
	known, ok := s.keywords[f.Name]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	err := s.control.do(ctx, func(at *live) error {
		data, err := at.open(f, false)
		if err == nil {
			known = keywordsOf(data.PermanentFlags)
		}
		return err
	})
	if err != nil {
		return keywords{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keywords[f.Name] = known
	return known, nil
}

// flagsPerCommand bounds the length of a command: on-site Exchange takes lines of 10,240 octets.
const flagsPerCommand = 500

// Flags reads flags, some hundred messages per command.
func (s *Store) Flags(ctx context.Context, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Flags, error) {
	have := make(map[cutover.Ref]cutover.Flags, len(refs))
	err := s.control.do(ctx, func(at *live) error {
		if _, err := at.examine(f); err != nil {
			return err
		}
		for chunk := range slices.Chunk(refs, flagsPerCommand) {
			if err := at.readFlags(uidSet(chunk), have); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading flags in %s: %w", f.Path, err)
	}
	return have, nil
}

func (at *live) readFlags(set imap.UIDSet, have map[cutover.Ref]cutover.Flags) error {
	if len(set) == 0 {
		return nil
	}
	rs := records{at: at}
	err := rs.fetch(set, &imap.FetchOptions{UID: true, Flags: true})
	for uid, r := range rs.found {
		if r.told && set.Contains(uid) {
			have[refOf(uid)] = flagsOf(r.flags)
		}
	}
	return err
}

// SetFlags stores by groups of equal flags and reads back what the server made of them.
func (s *Store) SetFlags(ctx context.Context, f cutover.Folder, flags map[cutover.Ref]cutover.Flags) (map[cutover.Ref]cutover.Flags, error) {
	groups := map[string][]cutover.Ref{}
	refs := make([]cutover.Ref, 0, len(flags))
	for ref, want := range flags {
		key := cutover.NewFlags(want...).String()
		groups[key] = append(groups[key], ref)
		refs = append(refs, ref)
	}
	made := make(map[cutover.Ref]cutover.Flags, len(refs))
	err := s.control.do(ctx, func(at *live) error {
		data, err := at.open(f, false)
		if err != nil {
			return err
		}
		kept := keywordsOf(data.PermanentFlags)
		kept.denied = s.knownIn(f).denied
		if err := at.storeAll(groups, kept); err != nil {
			return err
		}
		for chunk := range slices.Chunk(refs, flagsPerCommand) {
			if err := at.readFlags(uidSet(chunk), made); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return map[cutover.Ref]cutover.Flags{}, fmt.Errorf("setting flags in %s: %w", f.Path, err)
	}
	return made, nil
}

// storeAll waits for no answer before the next command; groups are references by the flags they get. A group that is refused may have a keyword too many: it gets the flags that the folder
// knows by name.
func (at *live) storeAll(groups map[string][]cutover.Ref, kept keywords) error {
	type sent struct {
		command *imapclient.FetchCommand
		set     imap.UIDSet
		flags   cutover.Flags
	}
	var all []sent
	for key, group := range groups {
		flags := cutover.ParseFlags(key)
		for chunk := range slices.Chunk(group, flagsPerCommand) {
			if set := uidSet(chunk); len(set) > 0 {
				all = append(all, sent{at.store(set, kept.keepable(flags)), set, flags})
			}
		}
	}
	var failed error
	for _, s := range all {
		err := s.command.Close()
		if named := kept.named(s.flags); refusesKeywords(err) && len(named) < len(kept.keepable(s.flags)) {
			err = at.store(s.set, kept.keepable(named)).Close()
		}
		if err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

func (at *live) store(set imap.UIDSet, flags []imap.Flag) *imapclient.FetchCommand {
	return at.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsSet, Silent: true, Flags: flags}, nil)
}

// refusesKeywords reports whether a command that names keywords may have been refused for them.
func refusesKeywords(err error) bool {
	said, ok := answered(err)
	return ok && said.keywords()
}

// State asks by STATUS, so that no folder needs to be opened.
func (s *Store) State(ctx context.Context, f cutover.Folder) (bridge.FolderState, error) {
	var state bridge.FolderState
	err := s.control.do(ctx, func(at *live) error {
		data, err := at.client.Status(f.Name, &imap.StatusOptions{UIDNext: true, UIDValidity: true, NumMessages: true}).Wait()
		if err != nil {
			return folderError(err)
		}
		state = bridge.FolderState{Validity: fmt.Sprint(data.UIDValidity), Tail: refOf(max(data.UIDNext, 1))}
		if data.NumMessages != nil {
			state.Items = int(*data.NumMessages)
		}
		return nil
	})
	if err != nil {
		s.missed(err)
		return bridge.FolderState{}, fmt.Errorf("asking for the state of %s: %w", f.Path, err)
	}
	return state, nil
}
