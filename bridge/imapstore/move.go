package imapstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// Move uses MOVE (RFC 6851), or COPY followed by the removal of just what was copied (UIDPLUS, RFC 4315). A server with neither could only expunge everything that anybody marked as deleted.
func (s *Store) Move(ctx context.Context, from cutover.Folder, refs []cutover.Ref, to cutover.Folder) (map[cutover.Ref]ledger.Place, error) {
	places := make(map[cutover.Ref]ledger.Place, len(refs))
	err := s.control.do(ctx, func(at *live) error {
		if !at.caps.has("MOVE") && !at.caps.has("UIDPLUS") {
			return keepOpen{bridge.ErrUnsupported}
		}
		if _, err := at.open(from, false); err != nil {
			return err
		}
		for chunk := range slices.Chunk(refs, flagsPerCommand) {
			if err := at.move(chunk, to.Name, places); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("moving from %s to %s: %w", from.Path, to.Path, err)
	}
	return places, nil
}

// move looks which of the messages are there, moves them, and notes their places.
func (at *live) move(refs []cutover.Ref, to string, places map[cutover.Ref]ledger.Place) error {
	there := map[cutover.Ref]cutover.Flags{}
	if err := at.readFlags(uidSet(refs), there); err != nil || len(there) == 0 {
		return err
	}
	set := imap.UIDSet{}
	for ref := range there {
		places[ref] = ledger.Place{}
		uid, err := uidOf(ref)
		if err != nil {
			return err
		}
		set.AddNum(uid)
	}
	validity, sources, targets, err := at.moveSet(set, to)
	if err != nil {
		return err
	}
	if validity != 0 && len(sources) == len(targets) {
		for i, uid := range sources {
			places[refOf(uid)] = ledger.Place{Validity: fmt.Sprint(validity), Ref: refOf(targets[i])}
		}
	}
	return nil
}

// moveSet returns what COPYUID tells. Without MOVE each step waits for the one before: nothing is removed that was not copied.
func (at *live) moveSet(set imap.UIDSet, to string) (validity uint32, sources, targets []imap.UID, err error) {
	if at.caps.has("MOVE") {
		data, err := at.client.Move(set, to).Wait()
		if err != nil {
			return 0, nil, nil, err
		}
		return data.UIDValidity, told(data.SourceUIDs, set), told(data.DestUIDs, set), nil
	}
	data, err := at.client.Copy(set, to).Wait()
	if err != nil {
		return 0, nil, nil, err
	}
	gone := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := at.client.Store(set, gone, nil).Close(); err != nil {
		return 0, nil, nil, err
	}
	if err := at.client.UIDExpunge(set).Close(); err != nil {
		return 0, nil, nil, err
	}
	return data.UIDValidity, told(data.SourceUIDs, set), told(data.DestUIDs, set), nil
}

// told is one half of a COPYUID, in rising order; none where it is about more messages than were moved.
func told(half imap.NumSet, moved imap.UIDSet) []imap.UID {
	most, _ := moved.Nums() // we made it
	uids, err := uidsOf(half, uint64(len(most)))
	if err != nil {
		return nil
	}
	return uids
}
