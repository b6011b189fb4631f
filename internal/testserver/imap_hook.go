package testserver

import (
	"errors"
	"io"

	"github.com/emersion/go-imap/v2"
)

// CallStage says when a hook is called.
type CallStage string

// A hook is called twice for each command, unless the command fails in between.
const (
	Before CallStage = "before" // nothing has been done yet
	After  CallStage = "after"  // done in the store, not yet answered
)

// IMAPCall describes one command to a hook.
type IMAPCall struct {
	Stage   CallStage
	User    string
	Command string // LOGIN, AUTHENTICATE, SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE (and UNSUBSCRIBE), LIST, STATUS, APPEND, FETCH, SEARCH, STORE, COPY, MOVE, EXPUNGE, IDLE
	Folder  string // the one named by the command, or the selected one
	Size    int64  // APPEND: octets of the message
	UID     uint32 // APPEND, After: what it was given
}

// IMAPFault is what goes wrong. Drop closes the connection without an answer: at After that is a command whose success the client never
// learns of. Otherwise the answer is Type (NO if empty; BAD, BYE) with an optional response code such as OVERQUOTA. At After the
// command stays done.
type IMAPFault struct {
	Drop bool
	Type string
	Code string
	Text string
}

var errDropped = errors.New("connection dropped by the script")

// ask runs the hook and turns its fault into an error for imapserver.
func (c *session) ask(call IMAPCall) error {
	if c.server.cfg.Hook == nil {
		return nil
	}
	if c.account != nil {
		call.User = c.account.name
	}
	fault := c.server.cfg.Hook(call)
	switch {
	case fault == nil:
		return nil
	case fault.Drop:
		_ = c.conn.NetConn().Close()
		return errDropped
	}
	typ := imap.StatusResponseType(fault.Type)
	if typ == "" {
		typ = imap.StatusResponseTypeNo
	}
	if typ == imap.StatusResponseTypeBye {
		// Not through imapserver's own Bye, which waits for a lock that AUTHENTICATE holds. Nothing is half written when hooks are asked.
		conn := c.conn.NetConn()
		_, _ = io.WriteString(conn, "* BYE "+fault.Text+"\r\n")
		_ = conn.Close()
		return errDropped
	}
	return &imap.Error{Type: typ, Code: imap.ResponseCode(fault.Code), Text: fault.Text}
}

// around runs a command between its two hooks.
func (c *session) around(command, folder string, run func() error) error {
	if err := c.ask(IMAPCall{Stage: Before, Command: command, Folder: folder}); err != nil {
		return err
	}
	if err := run(); err != nil {
		return asIMAP(err)
	}
	return c.ask(IMAPCall{Stage: After, Command: command, Folder: folder})
}
