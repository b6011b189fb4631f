package testserver

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

var systemFlags = []imap.Flag{imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagSeen, imap.FlagDraft}

// Select serves SELECT and EXAMINE.
func (c *session) Select(path string, options *imap.SelectOptions) (*imap.SelectData, error) {
	command := "SELECT"
	if options.ReadOnly {
		command = "EXAMINE"
	}
	var data *imap.SelectData
	err := c.around(command, path, func() error {
		return c.locked(func(a *account) error {
			f, err := a.folder(path)
			if err != nil {
				return err
			}
			c.view = newView(f, options.ReadOnly)
			data = c.selectData(f)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (c *session) selectData(f *folder) *imap.SelectData {
	data := &imap.SelectData{
		Flags:       slices.Clone(systemFlags),
		NumMessages: uint32(len(f.messages)),
		UIDNext:     imap.UID(f.uidNext),
		UIDValidity: f.validity,
	}
	for i, m := range f.messages {
		if data.FirstUnseenSeqNum == 0 && !m.has(`\Seen`) {
			data.FirstUnseenSeqNum = uint32(i + 1)
		}
		for _, flag := range m.flags {
			if isKeyword(flag) && !slices.Contains(data.Flags, imap.Flag(flag)) {
				data.Flags = append(data.Flags, imap.Flag(flag))
			}
		}
	}
	data.PermanentFlags = slices.Clone(systemFlags)
	if !c.server.cfg.NoKeywords {
		data.PermanentFlags = append(slices.Clone(data.Flags), imap.FlagWildcard)
	}
	return data
}

// Unselect serves CLOSE, UNSELECT, and what SELECT does first.
func (c *session) Unselect() error {
	return c.locked(func(*account) error {
		c.view = nil
		return nil
	})
}

// folderPath is the selected folder's path, for hooks.
func (c *session) folderPath() string {
	path := ""
	_ = c.locked(func(*account) error {
		if c.view != nil {
			path = c.view.f.path
		}
		return nil
	})
	return path
}

// Poll tells the client what changed since it last heard.
func (c *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if c.account == nil {
		return nil
	}
	u, _ := c.news(allowExpunge)
	return u.write(w)
}

// news synchronises the view and returns with the news the signal that announces the next change.
func (c *session) news(allowExpunge bool) (u update, next <-chan struct{}) {
	_ = c.locked(func(*account) error {
		if c.view != nil {
			u, next = c.view.sync(allowExpunge), c.view.f.changed
		}
		return nil
	})
	return u, next
}

func (u update) write(w *imapserver.UpdateWriter) error {
	for _, seq := range u.expunges {
		if err := w.WriteExpunge(seq); err != nil {
			return err
		}
	}
	if u.exists > 0 {
		if err := w.WriteNumMessages(u.exists); err != nil {
			return err
		}
	}
	for _, n := range u.flags {
		if err := w.WriteMessageFlags(n.seq, n.uid, n.flags); err != nil {
			return err
		}
	}
	return nil
}

// Idle reports changes, from any session or from the server's own methods, until stop is closed. What happened before IDLE was
// sent is reported first.
func (c *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	return c.around("IDLE", c.folderPath(), func() error {
		for {
			u, next := c.news(true)
			if err := u.write(w); err != nil {
				return err
			}
			select {
			case <-next:
			case <-stop:
				return nil
			}
		}
	})
}
