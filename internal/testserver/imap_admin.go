package testserver

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"posthouse/internal/testserver/corpus"
)

// The methods in this file act on the store directly, without a connection. Clients that IDLE hear of the changes.

// FolderDump is one folder as it lies in the store.
type FolderDump struct {
	Path        string
	Use         string
	UIDValidity uint32
	UIDNext     uint32
	Messages    []MessageDump
}

// MessageDump is one message without its bytes.
type MessageDump struct {
	UID      uint32
	Flags    []string // sorted, \Recent never among them
	Internal time.Time
	Size     int
	SHA256   [sha256.Size]byte
}

// Dump lists everything a user has, folders by path with INBOX first, messages by UID.
func (s *IMAP) Dump(user string) ([]FolderDump, error) {
	var dump []FolderDump
	err := s.with(user, func(a *account) error {
		for _, f := range a.sorted() {
			dump = append(dump, f.dump())
		}
		return nil
	})
	return dump, err
}

func (f *folder) dump() FolderDump {
	d := FolderDump{Path: f.path, Use: f.use, UIDValidity: f.validity, UIDNext: f.uidNext, Messages: make([]MessageDump, len(f.messages))}
	for i, m := range f.messages {
		d.Messages[i] = MessageDump{UID: m.uid, Flags: slices.Clone(m.flags), Internal: m.internal, Size: len(m.data), SHA256: sha256.Sum256(m.data)}
	}
	return d
}

// Bytes returns a message's bytes; the caller must not change them.
func (s *IMAP) Bytes(user, path string, uid uint32) ([]byte, error) {
	var data []byte
	err := s.message(user, path, uid, func(_ *account, _ *folder, m *message) error {
		data = m.data
		return nil
	})
	return data, err
}

// Count returns the number of messages in a folder.
func (s *IMAP) Count(user, path string) (int, error) {
	n := 0
	err := s.inFolder(user, path, func(_ *account, f *folder) error {
		n = len(f.messages)
		return nil
	})
	return n, err
}

// Fill creates the folders of a generated mailbox and puts its messages in them. Folders that exist are filled up.
func (s *IMAP) Fill(user string, folders []corpus.Folder) error {
	return s.with(user, func(a *account) error {
		for _, cf := range folders {
			f, err := a.folder(cf.Path)
			if err != nil {
				if f, err = a.create(cf.Path, cf.Use); err != nil {
					return err
				}
			}
			for _, m := range cf.Messages {
				f.add(m.Bytes, m.Flags, m.Internal)
			}
		}
		return nil
	})
}

// Append stores a message and keeps the slice. A zero internal date means now. Quirks of IMAPConfig do not apply.
func (s *IMAP) Append(user, path string, data []byte, flags []string, internal time.Time) (uid uint32, err error) {
	if internal.IsZero() {
		internal = time.Now().Truncate(time.Second)
	}
	err = s.inFolder(user, path, func(_ *account, f *folder) error {
		uid = f.add(data, flags, internal).uid
		return nil
	})
	return uid, err
}

// Deliver puts a message into the user's INBOX as a local delivery agent does: unread, dated now, rendered as IMAPConfig.Delivered says.
func (s *IMAP) Deliver(user string, data []byte) (uid uint32, err error) {
	return s.Append(user, "INBOX", s.cfg.Delivered.Render(data, time.Now()), nil, time.Time{})
}

// CreateFolder creates a folder; use is an RFC 6154 attribute or empty.
func (s *IMAP) CreateFolder(user, path, use string) error {
	return s.with(user, func(a *account) error {
		_, err := a.create(path, use)
		return err
	})
}

// DeleteFolder deletes a folder with its messages, but not those below it.
func (s *IMAP) DeleteFolder(user, path string) error {
	return s.with(user, func(a *account) error { return a.remove(path) })
}

// RenameFolder renames a folder and all below it.
func (s *IMAP) RenameFolder(user, from, to string) error {
	return s.with(user, func(a *account) error { return a.rename(from, to) })
}

// SetFlags replaces a message's flags.
func (s *IMAP) SetFlags(user, path string, uid uint32, flags ...string) error {
	return s.message(user, path, uid, func(_ *account, f *folder, m *message) error {
		f.setFlags(m, flags)
		return nil
	})
}

// Remove expunges one message.
func (s *IMAP) Remove(user, path string, uid uint32) error {
	return s.message(user, path, uid, func(_ *account, f *folder, m *message) error {
		f.expunge(func(other *message) bool { return other == m })
		return nil
	})
}

// Move moves one message and returns its new UID.
func (s *IMAP) Move(user, from string, uid uint32, to string) (newUID uint32, err error) {
	err = s.message(user, from, uid, func(a *account, f *folder, m *message) error {
		target, err := a.folder(to)
		if err != nil {
			return err
		}
		newUID = target.add(m.data, m.flags, m.internal).uid
		f.expunge(func(other *message) bool { return other == m })
		return nil
	})
	return newUID, err
}

// Revalidate gives a folder a new UIDVALIDITY and its messages new UIDs from 1. Sessions that have it selected see it emptied.
func (s *IMAP) Revalidate(user, path string) error {
	return s.inFolder(user, path, func(a *account, f *folder) error { return a.rebuild(f, f.messages, 0) })
}

// RestoreBackup is a folder set back to an earlier day: the messages above the UID are gone, UIDNEXT is below where it was, and
// UIDVALIDITY is the same, as after restoring files without telling the server.
func (s *IMAP) RestoreBackup(user, path string, uid uint32) error {
	return s.inFolder(user, path, func(a *account, f *folder) error {
		kept := slices.DeleteFunc(slices.Clone(f.messages), func(m *message) bool { return m.uid > uid })
		return a.rebuild(f, kept, f.validity)
	})
}

// rebuild replaces a folder by one with the messages. With a UIDVALIDITY they keep their UIDs; with 0 they get new ones under a new one.
func (a *account) rebuild(f *folder, messages []*message, validity uint32) error {
	delete(a.folders, f.path)
	fresh, err := a.create(f.path, f.use)
	if err != nil {
		return fmt.Errorf("rebuilding %s: %w", f.path, err)
	}
	for _, m := range messages {
		if validity != 0 {
			fresh.uidNext = m.uid
		}
		fresh.add(m.data, m.flags, m.internal)
	}
	if validity != 0 {
		fresh.validity = validity
	}
	fresh.subscribed = f.subscribed
	f.expunge(func(*message) bool { return true })
	return nil
}

func (s *IMAP) inFolder(user, path string, f func(*account, *folder) error) error {
	return s.with(user, func(a *account) error {
		found, err := a.folder(path)
		if err != nil {
			return err
		}
		return f(a, found)
	})
}

func (s *IMAP) message(user, path string, uid uint32, f func(*account, *folder, *message) error) error {
	return s.inFolder(user, path, func(a *account, in *folder) error {
		m, err := in.find(uid)
		if err != nil {
			return err
		}
		return f(a, in, m)
	})
}
