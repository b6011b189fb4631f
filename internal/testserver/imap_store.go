package testserver

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// Store serves STORE and UID STORE.
func (c *session) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, _ *imap.StoreOptions) error {
	err := c.around("STORE", c.folderPath(), func() error {
		if c.server.cfg.NoKeywords && slices.ContainsFunc(plainFlags(flags.Flags), isKeyword) {
			return &imap.Error{Type: imap.StatusResponseTypeBad, Text: "Command Argument Error. 11"}
		}
		return c.locked(func(*account) error { return c.view.store(set, flags) })
	})
	if err != nil || flags.Silent {
		return err
	}
	for _, p := range c.pick(set, &imap.FetchOptions{}) {
		if err := p.write(w, &imap.FetchOptions{UID: true, Flags: true}); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) store(set imap.NumSet, flags *imap.StoreFlags) error {
	if v.readOnly {
		return no("Folder is open read-only")
	}
	for _, i := range v.resolve(set) {
		m := v.list[i]
		v.f.setFlags(m, changeFlags(m.flags, flags.Op, plainFlags(flags.Flags)))
		v.own[m] = m.modseq
	}
	return nil
}

func changeFlags(have []string, op imap.StoreFlagsOp, change []string) []string {
	switch op {
	case imap.StoreFlagsAdd:
		return slices.Concat(have, change)
	case imap.StoreFlagsDel:
		return slices.DeleteFunc(slices.Clone(have), func(f string) bool { return hasFlag(change, f) })
	}
	return change
}

// Expunge serves EXPUNGE, UID EXPUNGE and CLOSE. The poll that follows the command reports what went.
func (c *session) Expunge(_ *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	return c.around("EXPUNGE", c.folderPath(), func() error {
		return c.locked(func(*account) error {
			if c.view.readOnly {
				return nil
			}
			c.view.f.expunge(func(m *message) bool {
				return m.has(`\Deleted`) && (uids == nil || uids.Contains(imap.UID(m.uid)))
			})
			return nil
		})
	})
}

// Copy serves COPY and UID COPY.
func (c *session) Copy(set imap.NumSet, to string) (*imap.CopyData, error) {
	var data *imap.CopyData
	err := c.around("COPY", to, func() error {
		return c.locked(func(a *account) error {
			var err error
			data, _, err = c.view.copyTo(a, set, to)
			return err
		})
	})
	if err != nil {
		return nil, tryCreate(err)
	}
	if !c.server.caps.Has(imap.CapUIDPlus) || len(data.SourceUIDs) == 0 {
		return nil, nil
	}
	return data, nil
}

// Move serves MOVE and UID MOVE.
func (c *session) Move(w *imapserver.MoveWriter, set imap.NumSet, to string) error {
	var data *imap.CopyData
	err := c.around("MOVE", to, func() error {
		return c.locked(func(a *account) error {
			if c.view.readOnly {
				return no("Folder is open read-only")
			}
			var moved map[*message]bool
			var err error
			if data, moved, err = c.view.copyTo(a, set, to); err != nil {
				return err
			}
			c.view.f.expunge(func(m *message) bool { return moved[m] })
			return nil
		})
	})
	if err != nil || len(data.SourceUIDs) == 0 {
		return tryCreate(err)
	}
	return w.WriteCopyData(data)
}

func (v *view) copyTo(a *account, set imap.NumSet, to string) (*imap.CopyData, map[*message]bool, error) {
	target, err := a.folder(to)
	if err != nil {
		return nil, nil, err
	}
	data := &imap.CopyData{UIDValidity: target.validity}
	sources := make(map[*message]bool)
	for _, i := range v.resolve(set) {
		m := v.list[i]
		copied := target.add(m.data, m.flags, m.internal)
		data.SourceUIDs.AddNum(imap.UID(m.uid))
		data.DestUIDs.AddNum(imap.UID(copied.uid))
		sources[m] = true
	}
	return data, sources, nil
}
