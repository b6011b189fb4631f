package imapstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
	"posthouse/cutover"
)

// link is one connection that go-imap speaks on, made when it is first needed and made again when it broke. One user at a time.
type link struct {
	store *Store
	// extra: a connection that the store can do without; it never waits for a permit.
	extra bool
	lock  chan struct{}
	live  *live // nil while there is no connection; guarded by lock
}

// live is an open connection.
type live struct {
	client *imapclient.Client
	conn   *conn
	caps   capabilities
	strays *strays
	used   bool   // a command succeeded on it
	folder string // the open one's name
	view   glance // of it when it was opened
	drop   func()
}

func newLink(s *Store, extra bool) *link {
	return &link{store: s, extra: extra, lock: make(chan struct{}, 1)}
}

func (l *link) take(ctx context.Context) error {
	select {
	case l.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *link) give() { <-l.lock }

// connected reports whether there is a connection, or somebody who uses or makes one.
func (l *link) connected() bool {
	select {
	case l.lock <- struct{}{}:
		defer l.give()
		return l.live != nil
	default:
		return true
	}
}

// rest gives the connection up if nobody uses it.
func (l *link) rest() {
	select {
	case l.lock <- struct{}{}:
		defer l.give()
		l.close()
	default:
	}
}

// do runs fn on the connection, alone. When a connection that had lain idle turns out to be broken, fn runs once more on a new one: it must bear that.
func (l *link) do(ctx context.Context, fn func(*live) error) error {
	if err := l.take(ctx); err != nil {
		return err
	}
	defer l.give()
	at, err := l.open(ctx)
	if err != nil {
		return err
	}
	reused := at.used
	err = l.run(ctx, at, fn)
	if err == nil || !reused || l.live != nil || ctx.Err() != nil || errors.Is(err, bridge.ErrBusy) {
		return l.store.classify(err)
	}
	l.store.o.Log.WithError(err).Debug("an idle connection was lost; connecting again")
	if at, err = l.open(ctx); err != nil {
		return err
	}
	return l.store.classify(l.run(ctx, at, fn))
}

// open returns the connection, making it if need be; the caller holds the lock.
func (l *link) open(ctx context.Context) (*live, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.store.isClosed() {
		return nil, errClosed
	}
	if l.live != nil {
		select {
		case <-l.live.client.Closed():
			l.close()
		default:
			return l.live, nil
		}
	}
	s, release, err := l.store.connect(ctx, l.extra)
	if err != nil {
		return nil, connectError{err}
	}
	l.live = s.goIMAP(release)
	return l.live, nil
}

// connectError is an error of connecting, as opposed to one of a command.
type connectError struct{ error }

func (e connectError) Unwrap() error { return e.error }

// run runs fn once. The connection is given up when fn's error is not an answer of the server, or when the context ends: go-imap knows no contexts, so
// closing the connection is what unblocks it.
func (l *link) run(ctx context.Context, at *live, fn func(*live) error) error {
	stop := context.AfterFunc(ctx, func() { at.conn.Close() })
	unhook := l.store.onClose(func() { at.conn.Close() })
	at.conn.expect(l.store.o.Timeout)
	err := fn(at)
	at.conn.expect(0)
	unhook()
	if !stop() && ctx.Err() != nil {
		l.close()
		return ctx.Err()
	}
	var keep keepOpen
	if _, ok := answered(err); err != nil && !ok && !errors.As(err, &keep) {
		l.close()
		if !at.conn.whole() {
			err = severed{err}
		}
		return hungUp(at.conn.lastWords(), err)
	}
	at.used = true
	return err
}

// keepOpen is an error of fn that says nothing about the connection.
type keepOpen struct{ error }

func (e keepOpen) Unwrap() error { return e.error }

// close gives the connection up; the caller holds the lock.
func (l *link) close() {
	if l.live != nil {
		l.live.drop()
		l.live = nil
	}
}

// logout ends the connection in good manners.
func (l *link) logout(ctx context.Context) {
	if l.take(ctx) != nil {
		return
	}
	defer l.give()
	if l.live == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { l.live.conn.Close() })
	defer stop()
	l.live.client.Logout() // good manners; nobody waits for the answer
	l.close()
}

// libraryCapabilities are those that go-imap acts on and that we want it to act on. IMAP4rev2 is not among them: it would send names in UTF-8.
var libraryCapabilities = []string{
	"IMAP4REV1", "IDLE", "NAMESPACE", "UIDPLUS", "MOVE", "LIST-EXTENDED", "SPECIAL-USE", "CREATE-SPECIAL-USE", "CONDSTORE", "ESEARCH", "LITERAL+", "LITERAL-",
}

// goIMAP hands the session to go-imap, which is told that it is known already: logging in is ours, so that there is one way of doing it.
func (s *session) goIMAP(release func()) *live {
	known := []string{}
	for _, name := range libraryCapabilities {
		if s.caps.has(name) {
			known = append(known, name)
		}
	}
	rest, _ := s.r.Peek(s.r.Buffered()) // cannot fail
	s.conn.greeting = []byte("* PREAUTH [CAPABILITY " + strings.Join(known, " ") + "] handed over\r\n")
	s.conn.lines = newLegible(io.MultiReader(bytes.NewReader(rest), network{s.conn}))
	s.conn.commands = true
	at := &live{conn: s.conn, caps: s.caps, strays: newStrays()}
	at.client = imapclient.New(s.conn, &imapclient.Options{UnilateralDataHandler: at.strays.handler()})
	at.drop = func() {
		s.conn.Close()
		<-at.client.Closed()
		at.strays.settle()
		release()
	}
	return at
}

// examine opens the folder read-only and looks at it anew, even when it is the open one: another connection may have changed it.
func (at *live) examine(f cutover.Folder) (*imap.SelectData, error) {
	return at.open(f, true)
}

func (at *live) open(f cutover.Folder, readOnly bool) (*imap.SelectData, error) {
	at.folder = ""
	data, err := at.client.Select(f.Name, &imap.SelectOptions{ReadOnly: readOnly, CondStore: at.caps.has("CONDSTORE")}).Wait()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", f.Path, folderError(err))
	}
	at.folder = f.Name
	at.view = glance{validity: data.UIDValidity, next: data.UIDNext, modseq: data.HighestModSeq, exists: data.NumMessages}
	return data, nil
}

// shows reports whether the folder is open and messages up to last were there when it was opened: no need to look again to see them.
func (at *live) shows(f cutover.Folder, last imap.UID) bool {
	return at.folder == f.Name && last < at.view.next
}
