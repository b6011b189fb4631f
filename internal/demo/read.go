package demo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/internal/testserver"
)

// item is one message as it lies on a server.
type item struct {
	mailbox string
	folder  string // as belongs says
	path    string
	uid     uint32
	flags   string
	date    time.Time
	octets  [32]byte // digest of all of it
	core    core
}

func (i item) spot() spot { return spot{i.mailbox, i.folder, i.core} }

func (i item) String() string { return fmt.Sprintf("%s %s UID %d", i.mailbox, i.path, i.uid) }

// readMailbox reads all messages of a user, past the protocol: from the server's own store.
func readMailbox(s *testserver.IMAP, mailbox string) ([]item, error) {
	folders, err := s.Dump(mailbox)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", mailbox, err)
	}
	var all []item
	for _, f := range folders {
		for _, m := range f.Messages {
			data, err := s.Bytes(mailbox, f.Path, m.UID)
			if errors.Is(err, testserver.ErrNoMessage) {
				continue // gone since
			}
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", mailbox, err)
			}
			all = append(all, item{
				mailbox: mailbox, folder: belongs(f.Path, f.Use), path: f.Path, uid: m.UID, flags: flagText(m.Flags),
				date: m.Internal, octets: m.SHA256, core: coreOf(data),
			})
		}
	}
	return all, nil
}

// flagText writes flags in one way: their order and case say nothing (RFC 9051 §2.3.2).
func flagText(flags []string) string {
	all := make([]string, len(flags))
	for i, f := range flags {
		all[i] = strings.ToLower(f)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
