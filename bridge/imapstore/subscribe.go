package imapstore

import (
	"context"
	"fmt"

	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/cutover"
)

// Subscriptions asks a server that cannot tell them in a list (no LIST-EXTENDED) by LSUB. Whatever such a server answers, all that may be lost is what clients show.
func (s *Store) Subscriptions(ctx context.Context, folders []cutover.Folder) error {
	if s.told.Load() {
		return nil
	}
	lines, err := s.ask(ctx, `LSUB "" "*"`)
	if err != nil {
		return fmt.Errorf("listing subscriptions: %w", err)
	}
	subscribed := map[string]bool{}
	for _, line := range lines {
		if data, ok := parseList(line); ok {
			subscribed[data.Mailbox] = true
		}
	}
	tell(folders, subscribed)
	return nil
}

// tell fills in what is subscribed, by name. Where nothing is, but perhaps the INBOX, nobody uses subscriptions there, and they mean nothing.
func tell(folders []cutover.Folder, subscribed map[string]bool) {
	used := false
	for _, f := range folders {
		used = used || subscribed[f.Name] && f.Name != "INBOX"
	}
	for i, f := range folders {
		switch {
		case !used:
		case subscribed[f.Name]:
			folders[i].Subscription = cutover.Subscribed
		case f.Name != "INBOX":
			folders[i].Subscription = cutover.Unsubscribed
		}
	}
}

// Subscribe does not wait for one answer before the next command.
func (s *Store) Subscribe(ctx context.Context, folders []cutover.Folder) error {
	names := make([]string, len(folders))
	for i, f := range folders {
		names[i] = f.Name
	}
	if err := s.control.do(ctx, func(at *live) error { return at.waitAll(at.subscribe(names)) }); err != nil {
		return fmt.Errorf("subscribing to %d folders: %w", len(names), err)
	}
	return nil
}

func (at *live) subscribe(names []string) []*imapclient.Command {
	commands := make([]*imapclient.Command, len(names))
	for i, name := range names {
		commands[i] = at.client.Subscribe(name)
	}
	return commands
}

// waitAll waits for the answers to commands. Refusals are no failure.
func (at *live) waitAll(commands []*imapclient.Command) (failed error) {
	for _, c := range commands {
		if err := c.Wait(); err != nil {
			if _, refused := answered(err); !refused && failed == nil {
				failed = err
			}
		}
	}
	return failed
}
