package imapstore

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// Glance asks for the STATUS of all folders without waiting for one answer before the next question.
func (s *Store) Glance(ctx context.Context, folders []cutover.Folder, cursors []ledger.Cursor) ([]bridge.Glance, error) {
	states := make([]*imap.StatusData, len(folders))
	err := s.control.do(ctx, func(at *live) error { return at.states(folders, states) })
	if err != nil {
		if s.faultless(ctx, err) {
			s.o.Log.WithError(err).Debug("the states of folders cannot be read; each is looked at instead")
			return make([]bridge.Glance, len(folders)), nil
		}
		return nil, fmt.Errorf("asking for the state of %d folders: %w", len(folders), err)
	}
	glances := make([]bridge.Glance, len(folders))
	for i, state := range states {
		if state == nil || state.NumMessages == nil {
			continue
		}
		c, err := parseCursor(cursors[i])
		glances[i] = bridge.Glance{Known: true, Items: int(*state.NumMessages), Quiet: err == nil && cursors[i] != "" && s.quiet(folders[i], c, state)}
	}
	return glances, nil
}

// states leaves those nil that the server refuses.
func (at *live) states(folders []cutover.Folder, states []*imap.StatusData) error {
	if err := at.leave(); err != nil {
		return err
	}
	options := &imap.StatusOptions{UIDNext: true, UIDValidity: true, NumMessages: true, HighestModSeq: at.caps.has("CONDSTORE")}
	commands := make([]*imapclient.StatusCommand, len(folders))
	for i, f := range folders {
		commands[i] = at.client.Status(f.Name, options)
	}
	var failed error
	for i, c := range commands {
		data, err := c.Wait()
		if _, refused := answered(err); err != nil && !refused && failed == nil {
			failed = err
		}
		if err == nil {
			states[i] = data
		}
	}
	return failed
}

// leave makes sure that no folder is open: of an open one STATUS tells what the connection was told before (RFC 9051 §6.3.11 advises against asking).
func (at *live) leave() error {
	switch {
	case at.folder == "":
		return nil
	case at.caps.has("UNSELECT"):
		at.folder = ""
		at.client.Unselect() // answered before what comes next; whether it is refused does not matter
		return nil
	}
	return at.client.Noop().Wait()
}

// quiet reports whether the cursor covers all that the state speaks of. Where the server does not count changes, flags are looked at from time to time all the same.
func (s *Store) quiet(f cutover.Folder, c cursor, state *imap.StatusData) bool {
	now := glance{validity: state.UIDValidity, next: state.UIDNext, modseq: state.HighestModSeq}
	if now.next == 0 || c.stale(now) {
		return false
	}
	if _, open := c.done.gap(1, now.next-1); open {
		return false
	}
	if now.modseq == 0 {
		poll := s.flagPollOf(f)
		s.mu.Lock()
		defer s.mu.Unlock()
		return poll.waits(s.o.FlagPoll)
	}
	return c.modseq == now.modseq
}

// waits reports whether the next poll is not due yet; asking counts as a call, as Next is not made.
func (p *flagPoll) waits(every int) bool {
	if p.under || p.due || p.calls+1 >= every {
		return false
	}
	p.calls++
	return true
}
