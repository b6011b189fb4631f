package testserver

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// session serves one connection. imapserver calls it from one goroutine at a time, except that Idle may still
// be returning when Close is called; the view is therefore only touched under the account's lock.
type session struct {
	server  *IMAP
	conn    *imapserver.Conn
	account *account // nil until logged in
	view    *view    // nil unless a folder is selected
}

// limitedSession adds the fixed APPENDLIMIT, which imapserver reads off the session's type.
type limitedSession struct{ *session }

func (c limitedSession) AppendLimit() uint32 { return c.server.cfg.AppendLimit }

func (s *IMAP) newSession(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	c := &session{server: s, conn: conn}
	if s.cfg.AppendLimit > 0 {
		return limitedSession{c}, nil, nil
	}
	return c, nil, nil
}

// Close is called once, when the connection has ended.
func (c *session) Close() error {
	c.leave()
	return nil
}

// locked runs f with the account locked.
func (c *session) locked(f func(a *account) error) error {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return f(c.account)
}

func (c *session) Create(path string, options *imap.CreateOptions) error {
	return c.around("CREATE", path, func() error {
		use := ""
		if len(options.SpecialUse) > 0 {
			use = string(options.SpecialUse[0])
		}
		return c.locked(func(a *account) error {
			_, err := a.create(path, use)
			return err
		})
	})
}

func (c *session) Delete(path string) error {
	return c.around("DELETE", path, func() error {
		if canonical(path) == "INBOX" {
			return no("INBOX cannot be deleted")
		}
		return c.locked(func(a *account) error { return a.remove(path) })
	})
}

func (c *session) Rename(from, to string, _ *imap.RenameOptions) error {
	return c.around("RENAME", from, func() error {
		if canonical(from) == "INBOX" {
			return no("INBOX cannot be renamed")
		}
		return c.locked(func(a *account) error { return a.rename(from, to) })
	})
}

func (c *session) Subscribe(path string) error   { return c.subscribe(path, true) }
func (c *session) Unsubscribe(path string) error { return c.subscribe(path, false) }

func (c *session) subscribe(path string, on bool) error {
	return c.around("SUBSCRIBE", path, func() error {
		return c.locked(func(a *account) error {
			f, err := a.folder(path)
			if err == nil {
				f.subscribed = on
			}
			return err
		})
	})
}

func (c *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: '/'}}}, nil
}

func (c *session) Append(path string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	if err := c.ask(IMAPCall{Stage: Before, Command: "APPEND", Folder: path, Size: r.Size()}); err != nil {
		return nil, err
	}
	data := make([]byte, r.Size())
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("reading a message for %s: %w", path, err)
	}
	m, validity, err := c.server.append(c.account, path, data, plainFlags(options.Flags), options.Time)
	if err != nil {
		return nil, tryCreate(err)
	}
	if err := c.ask(IMAPCall{Stage: After, Command: "APPEND", Folder: path, Size: r.Size(), UID: m.uid}); err != nil {
		return nil, err
	}
	return c.appendData(validity, m), nil
}

// appendData is nil where UIDPLUS is hidden: imapserver then leaves APPENDUID out.
func (c *session) appendData(validity uint32, m *message) *imap.AppendData {
	if !c.server.caps.Has(imap.CapUIDPlus) {
		return nil
	}
	return &imap.AppendData{UIDValidity: validity, UID: imap.UID(m.uid)}
}

// append is the one way in for a client's messages; it applies the server's quirks.
func (s *IMAP) append(a *account, path string, data []byte, flags []string, internal time.Time) (*message, uint32, error) {
	if s.cfg.NoKeywords && slices.ContainsFunc(flags, isKeyword) {
		return nil, 0, &imap.Error{Type: imap.StatusResponseTypeBad, Text: "Command Argument Error. 11"}
	}
	if internal.IsZero() {
		internal = time.Now().Truncate(time.Second)
	}
	data = s.cfg.Appended.Render(data, time.Now())
	a.mu.Lock()
	defer a.mu.Unlock()
	f, err := a.folder(path)
	if err != nil {
		return nil, 0, err
	}
	if s.cfg.MergeEqual {
		if first := f.sameBytes(data); first != nil {
			return first, f.validity, nil
		}
	}
	return f.add(data, flags, internal), f.validity, nil
}

func isKeyword(flag string) bool { return !strings.HasPrefix(flag, `\`) }

func no(text string) error { return &imap.Error{Type: imap.StatusResponseTypeNo, Text: text} }

// tryCreate is what APPEND and COPY answer where the folder is missing (RFC 3501 §6.3.11).
func tryCreate(err error) error {
	err = asIMAP(err)
	if e, ok := err.(*imap.Error); ok && e.Code == imap.ResponseCodeNonExistent {
		e.Code = imap.ResponseCodeTryCreate
	}
	return err
}
