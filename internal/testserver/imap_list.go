package testserver

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// List serves LIST and LSUB.
func (c *session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 { // LIST "" "" asks for the delimiter
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: '/'})
	}
	var found []*imap.ListData
	err := c.around("LIST", "", func() error {
		return c.locked(func(a *account) error {
			found = c.match(a, ref, patterns, options)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, data := range found {
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func (c *session) match(a *account, ref string, patterns []string, options *imap.ListOptions) []*imap.ListData {
	var found []*imap.ListData
	for _, f := range a.sorted() {
		matches := func(pattern string) bool { return imapserver.MatchList(f.path, '/', ref, pattern) }
		if slices.ContainsFunc(patterns, matches) && wanted(f, options) {
			found = append(found, c.listData(a, f, options))
		}
	}
	return found
}

func wanted(f *folder, options *imap.ListOptions) bool {
	return (f.subscribed || !options.SelectSubscribed) && (f.use != "" || !options.SelectSpecialUse)
}

func (c *session) listData(a *account, f *folder, options *imap.ListOptions) *imap.ListData {
	data := &imap.ListData{Mailbox: f.path, Delim: '/'}
	if c.server.caps.Has(imap.CapChildren) {
		data.Attrs = append(data.Attrs, children(a, f))
	}
	// RFC 6154 §2: servers may show special uses in a plain LIST too, and most do.
	if f.use != "" && c.server.caps.Has(imap.CapSpecialUse) {
		data.Attrs = append(data.Attrs, imap.MailboxAttr(f.use))
	}
	if f.subscribed && (options.ReturnSubscribed || options.SelectSubscribed) {
		data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
	}
	if options.ReturnStatus != nil {
		data.Status = c.statusData(f, options.ReturnStatus)
	}
	return data
}

func children(a *account, f *folder) imap.MailboxAttr {
	for path := range a.folders {
		if strings.HasPrefix(path, f.path+delimiter) {
			return imap.MailboxAttrHasChildren
		}
	}
	return imap.MailboxAttrHasNoChildren
}

// Status serves STATUS.
func (c *session) Status(path string, options *imap.StatusOptions) (*imap.StatusData, error) {
	var data *imap.StatusData
	err := c.around("STATUS", path, func() error {
		return c.locked(func(a *account) error {
			f, err := a.folder(path)
			if err != nil {
				return err
			}
			data = c.statusData(f, options)
			return nil
		})
	})
	return data, err
}

func (c *session) statusData(f *folder, options *imap.StatusOptions) *imap.StatusData {
	count := func(match func(*message) bool) *uint32 {
		n := uint32(0)
		for _, m := range f.messages {
			if match(m) {
				n++
			}
		}
		return &n
	}
	all, none := uint32(len(f.messages)), uint32(0)
	data := &imap.StatusData{Mailbox: f.path, UIDNext: imap.UID(f.uidNext), UIDValidity: f.validity, NumMessages: &all, NumRecent: &none}
	if options.NumUnseen {
		data.NumUnseen = count(func(m *message) bool { return !m.has(`\Seen`) })
	}
	if options.NumDeleted {
		data.NumDeleted = count(func(m *message) bool { return m.has(`\Deleted`) })
	}
	if options.AppendLimit && c.server.cfg.AppendLimit > 0 {
		data.AppendLimit = &c.server.cfg.AppendLimit
	}
	var size, freed int64
	if options.Size {
		for _, m := range f.messages {
			size += int64(len(m.data))
		}
	}
	data.Size, data.DeletedStorage = &size, &freed
	return data
}
